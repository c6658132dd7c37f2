"""Any story of lost, late, doubled and damaged answers: a question is answered by its own answer, or not at all."""

import asyncio
from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st

from prewatt.field.line import Line, LineError
from prewatt.field.line.memory import COPY_S, MEMORY_S_MIN
from prewatt.field.line.null import NullPipe
from prewatt.field.wire import modbus
from prewatt.field.wire.errors import WireError
from prewatt.sim import virtual

TIMEOUT_S = 0.2
# Answers later than that are beyond what the line promises to remember.
DELAY_S_MAX = TIMEOUT_S + MEMORY_S_MIN - 0.05
DOUBLE_S_MAX = COPY_S - 0.005  # a copy comes close behind

questions = st.builds(
    modbus.read,
    st.sampled_from([1, 2]),
    st.sampled_from([100, 200]),
    st.sampled_from([2, 3]),
)
fates = st.one_of(
    st.just(("good", 0.02)),
    st.just(("lost", 0.0)),
    st.tuples(st.sampled_from(["late", "doubled", "damaged", "cut"]), st.floats(0.0, DELAY_S_MAX)),
)
stories = st.lists(st.tuples(questions, fates, st.floats(0.0, 0.3)), min_size=2, max_size=12)


class Meters:
    """Every answer carries the number of the question that it answers. A meter answers in order."""

    def __init__(self) -> None:
        self.numbers = count(1)
        self.fate: tuple[str, float] = ("good", 0.0)
        self.free_at: dict[int, float] = {}
        self.copied_at = 0.0  # bytes do not overtake each other
        self.asked = 0

    def script(self, data: bytes):
        request = modbus.RtuServerReader().feed(data)[0]
        self.asked = number = next(self.numbers)
        kind, delay_s = self.fate
        if kind == "lost":
            return
        registers = (request.address, number, request.unit)[: request.count]
        reply = modbus.Reply(request.unit, 3, registers)
        frame = modbus.rtu_frame(request.unit, modbus.encode_reply(request, reply))
        now = asyncio.get_running_loop().time()
        at = self.free_at[request.unit] = max(now + delay_s, self.free_at.get(request.unit, 0.0), self.copied_at)
        if kind == "damaged":
            frame = frame[:4] + bytes((frame[4] ^ 1,)) + frame[5:]
        if kind == "cut":
            frame = frame[:5]
        yield at - now, frame
        if kind == "doubled":
            self.copied_at = at + delay_s / DELAY_S_MAX * DOUBLE_S_MAX
            yield self.copied_at - now, frame


@settings(max_examples=400, deadline=None)
@given(stories)
def test_an_answer_is_ones_own_or_none(story):
    async def live():
        meters = Meters()
        line = Line(NullPipe(meters.script), baud=9600)
        for question, fate, pause_s in story:
            meters.fate = fate
            try:
                reply = await line.ask(question, timeout_s=TIMEOUT_S)
            except (LineError, WireError):
                pass
            else:
                assert reply.registers[:2] == (question.address, meters.asked)
            await asyncio.sleep(pause_s)
        assert meters.asked == len(story)

    virtual.run(live())
