"""Our line against servers that nobody here wrote: pymodbus (Modbus TCP, RTU-over-TCP) and libmodbus (TCP, serial)."""

import asyncio

import pytest

from prewatt.field.line import NoAnswer, open_line
from prewatt.field.line.serial import SerialPipe
from prewatt.field.wire import modbus
from prewatt.field.wire.errors import ExceptionAnswer, WrongUnit
from strangers.programs import libmodbus_server, pymodbus_server, serial_cable

pytestmark = pytest.mark.stranger

UNIT = 17
BUSY, OTHER_UNIT, SLOW, BYTES = 0x0170, 0x0171, 0x0172, 0x0173


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("strangers")


@pytest.fixture(scope="module", params=["tcp", "serial"])
def libmodbus(request, folder):
    """The address of a libmodbus server."""
    if request.param == "tcp":
        with libmodbus_server("tcp", folder=folder) as port:
            yield f"tcp://127.0.0.1:{port}"
    else:
        with serial_cable(folder) as (near, far), libmodbus_server("rtu", str(far), folder=folder):
            yield f"serial://{near}?baud=9600"


def ask(url, *requests, timeout_s=2.0):
    """The replies, or the errors, in order, over one line."""

    async def story():
        line = open_line(url)
        try:
            return [await _outcome(line, request, timeout_s) for request in requests], line.stats
        finally:
            line.close()

    return asyncio.run(story())


async def _outcome(line, request, timeout_s):
    try:
        return await line.ask(request, timeout_s=timeout_s)
    except Exception as error:
        return error


def addresses(start, count):
    return tuple(range(start, start + count))


@pytest.mark.parametrize("framer", ["socket", "rtu"])
def test_pymodbus_gives_the_values_it_holds(framer):
    units = {7: {100 + n: 1000 + n for n in range(60)}, 8: {100: 65535}}
    with pymodbus_server(units, framer) as port:
        url = f"tcp://127.0.0.1:{port}" if framer == "socket" else f"rtu+tcp://127.0.0.1:{port}?baud=115200"
        write = modbus.Request(8, 16, 200, 2, (0x1234, 0x5678))
        questions = modbus.read(7, 100, 60), modbus.read(8, 100, 1), write, modbus.read(8, 199, 4)
        replies, stats = ask(url, *questions, modbus.read(7, 100, 125))
    assert replies[0].registers == tuple(1000 + n for n in range(60))
    assert replies[1].registers == (65535,)
    assert replies[3].registers == (0, 0x1234, 0x5678, 0)
    assert replies[4].registers == tuple(1000 + n for n in range(60)) + (0,) * 65
    assert stats["answered"] == stats["asked"] == 5


@pytest.mark.parametrize("framer", ["socket", "rtu"])
def test_a_unit_that_pymodbus_does_not_have_is_refused_and_the_next_one_read(framer):
    with pymodbus_server({7: {}}, framer) as port:
        url = f"tcp://127.0.0.1:{port}" if framer == "socket" else f"rtu+tcp://127.0.0.1:{port}?baud=115200"
        replies, _ = ask(url, modbus.read(9, 100, 1), modbus.read(7, 100, 2), timeout_s=0.3)
    assert isinstance(replies[0], ExceptionAnswer)
    assert replies[1].registers == (0, 0)


def test_an_address_that_pymodbus_does_not_have_is_refused():
    with pymodbus_server({7: {}}) as port:
        replies, _ = ask(f"tcp://127.0.0.1:{port}", modbus.read(7, 0x9000, 1))
    assert isinstance(replies[0], ExceptionAnswer)
    assert replies[0].name == "illegal_address"


def test_libmodbus_gives_the_values_it_holds(libmodbus):
    write = modbus.Request(UNIT, 16, 0x300, 3, (1, 2, 0xFFFF))
    replies, stats = ask(
        libmodbus, modbus.read(UNIT, 0x100, 60), modbus.read(UNIT, 0x100, 125), write, modbus.read(UNIT, 0x2FF, 5)
    )
    assert replies[0].registers == addresses(0x100, 60)
    assert replies[1].registers == addresses(0x100, 125)
    assert replies[3].registers == (0x2FF, 1, 2, 0xFFFF, 0x303)
    assert stats["answered"] == 4


def test_a_busy_libmodbus_is_told_as_busy(libmodbus):
    replies, _ = ask(libmodbus, modbus.read(UNIT, BUSY, 1), modbus.read(UNIT, 0x10, 2))
    assert replies[0].name == "busy"
    assert replies[1].registers == (0x10, 0x11)


def test_the_answer_of_another_unit_is_not_believed(libmodbus):
    replies, stats = ask(libmodbus, modbus.read(UNIT, OTHER_UNIT, 4), modbus.read(UNIT, 0x10, 2), timeout_s=0.4)
    assert isinstance(replies[0], WrongUnit)
    assert replies[1].registers == (0x10, 0x11)
    assert stats["wrong_unit"] == 1


def test_a_slow_answer_is_waited_for(libmodbus):
    replies, _ = ask(libmodbus, modbus.read(UNIT, SLOW, 2), timeout_s=2.0)
    assert replies[0].registers == (SLOW, SLOW + 1)


def test_a_slow_answer_is_never_the_answer_to_the_next_question(libmodbus):
    """Asked for two registers in vain, then for two others: what the stranger sends first is the late answer."""
    replies, stats = ask(libmodbus, modbus.read(UNIT, SLOW, 2), modbus.read(UNIT, 0x100, 2), timeout_s=0.3)
    assert isinstance(replies[0], NoAnswer)
    assert isinstance(replies[1], NoAnswer) or replies[1].registers == (0x100, 0x101)
    assert stats["late_answer"] == 1


def test_an_answer_byte_by_byte_is_put_together(libmodbus):
    replies, stats = ask(libmodbus, modbus.read(UNIT, BYTES, 10))
    assert replies[0].registers == addresses(BYTES, 10)
    assert stats["garbage_bytes"] == 0


def test_a_port_has_one_owner(folder):
    async def story():
        with serial_cable(folder) as (near, _):
            first, second = SerialPipe(str(near)), SerialPipe(str(near))
            await first.open(lambda _: None, lambda _: None)
            with pytest.raises(OSError, match="another program uses it"):
                await second.open(lambda _: None, lambda _: None)
            first.close()
            await second.open(lambda _: None, lambda _: None)
            second.close()

    asyncio.run(story())


def test_a_port_that_is_pulled_out_is_told(folder):
    async def story():
        lost = asyncio.get_running_loop().create_future()
        with serial_cable(folder) as (near, _):
            pipe = SerialPipe(str(near))
            await pipe.open(lambda _: None, lost.set_result)
        await asyncio.wait_for(lost, 5)

    asyncio.run(story())
