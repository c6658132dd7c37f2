"""A pymodbus server for tests: `python pymodbus_server.py socket|rtu UNITS_JSON`.

UNITS_JSON: {"7": {"0": 1, …}}, registers by address of each unit. Prints the port; ends when its standard input closes.
"""

import asyncio
import json
import sys

from pymodbus import FramerType
from pymodbus.datastore import ModbusDeviceContext, ModbusSequentialDataBlock, ModbusServerContext
from pymodbus.server import ModbusTcpServer


def device(registers: dict[str, int]) -> ModbusDeviceContext:
    """The block begins at 1: pymodbus counts registers from there."""
    values = [0] * 0x8000
    for address, value in registers.items():
        values[int(address)] = value
    return ModbusDeviceContext(hr=ModbusSequentialDataBlock(1, values), ir=ModbusSequentialDataBlock(1, values))


async def main(framer: str, units: dict[str, dict[str, int]]) -> None:
    context = ModbusServerContext({int(unit): device(registers) for unit, registers in units.items()}, single=False)
    server = ModbusTcpServer(context, framer=FramerType(framer), address=("127.0.0.1", 0), ignore_missing_devices=True)
    await server.serve_forever(background=True)
    sys.stdout.write(f"{server.transport.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await server.shutdown()


asyncio.run(main(sys.argv[1], json.loads(sys.argv[2])))
