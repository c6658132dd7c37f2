/* A Modbus server made with libmodbus that misbehaves on purpose, in the manner of libmodbus' own unit-test-server.
 *
 *   libmodbus_server tcp            listens on 127.0.0.1, prints the port
 *   libmodbus_server rtu DEVICE     serves a serial port at 9600 8N1, prints "ready"
 *
 * Unit 17. Every holding register holds its own address, but a read that begins at
 *   0x0170 is refused: busy               0x0171 is answered as unit 18
 *   0x0172 is answered after half a second  0x0173 is answered byte by byte, 5 ms apart
 * Writes are kept. Ends when its standard input closes.
 */
#include <errno.h>
#include <modbus.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <netinet/in.h>

enum { UNIT = 17, REGISTERS = 0x2000, BUSY_AT = 0x0170, OTHER_UNIT_AT, SLOW_AT, BYTES_AT };

static unsigned crc16(const uint8_t *data, int size)
{
    unsigned crc = 0xFFFF;
    for (int i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0xA001 : crc >> 1;
    }
    return crc;
}

/* The good answer to a read, as a whole frame, answered by `unit`. Returns its size. */
static int answer(const uint8_t *query, int offset, int unit, const modbus_mapping_t *map, uint8_t *out)
{
    int address = query[offset + 1] << 8 | query[offset + 2], count = query[offset + 3] << 8 | query[offset + 4];
    int at = 0;
    if (offset == 7) { /* Modbus TCP: number, protocol, length */
        memcpy(out, query, 2);
        out[2] = out[3] = 0;
        out[4] = (3 + 2 * count) >> 8;
        out[5] = (3 + 2 * count) & 0xFF;
        at = 6;
    }
    int start = at;
    out[at++] = unit;
    out[at++] = 3;
    out[at++] = 2 * count;
    for (int i = 0; i < count; i++) {
        out[at++] = map->tab_registers[address + i] >> 8;
        out[at++] = map->tab_registers[address + i] & 0xFF;
    }
    if (offset == 1) {
        unsigned crc = crc16(out + start, at - start);
        out[at++] = crc & 0xFF;
        out[at++] = crc >> 8;
    }
    return at;
}

static void put(int fd, const uint8_t *data, int size)
{
    if (write(fd, data, size) != size)
        perror("write");
}

static void serve(modbus_t *ctx, const uint8_t *query, int size, modbus_mapping_t *map)
{
    int offset = modbus_get_header_length(ctx), fd = modbus_get_socket(ctx);
    int address = query[offset + 1] << 8 | query[offset + 2];
    uint8_t frame[MODBUS_TCP_MAX_ADU_LENGTH];
    if (query[offset] != 3 || address < BUSY_AT || address > BYTES_AT) {
        modbus_reply(ctx, query, size, map);
    } else if (address == BUSY_AT) {
        modbus_reply_exception(ctx, query, MODBUS_EXCEPTION_SLAVE_OR_SERVER_BUSY);
    } else if (address == OTHER_UNIT_AT) {
        put(fd, frame, answer(query, offset, UNIT + 1, map, frame));
    } else if (address == SLOW_AT) {
        usleep(500 * 1000);
        modbus_reply(ctx, query, size, map);
    } else {
        int length = answer(query, offset, UNIT, map, frame);
        for (int i = 0; i < length; i++, usleep(5000))
            put(fd, frame + i, 1);
    }
}

static int wait_for(int fd) /* 1: something to read there; 0: whoever started us is gone */
{
    struct pollfd fds[2] = {{.fd = fd, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
    return poll(fds, 2, -1) > 0 && !fds[1].revents;
}

static int talk(modbus_t *ctx, modbus_mapping_t *map, int forever)
{
    uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
    while (wait_for(modbus_get_socket(ctx))) {
        int size = modbus_receive(ctx, query);
        if (size > 0)
            serve(ctx, query, size, map);
        else if (size < 0 && !forever)
            return 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    int tcp = argc > 1 && !strcmp(argv[1], "tcp");
    modbus_t *ctx = tcp ? modbus_new_tcp("127.0.0.1", 0) : modbus_new_rtu(argc > 2 ? argv[2] : "", 9600, 'N', 8, 1);
    modbus_mapping_t *map = modbus_mapping_new(0, 0, REGISTERS, 0);
    if (!ctx || !map || modbus_set_slave(ctx, UNIT))
        return 1;
    for (int i = 0; i < REGISTERS; i++)
        map->tab_registers[i] = i;
    if (!tcp) {
        if (modbus_connect(ctx))
            return perror(argv[2]), 1;
        puts("ready"), fflush(stdout);
        return talk(ctx, map, 1);
    }
    int listener = modbus_tcp_listen(ctx, 4);
    struct sockaddr_in name;
    socklen_t length = sizeof name;
    if (listener < 0 || getsockname(listener, (struct sockaddr *)&name, &length))
        return perror("listen"), 1;
    printf("%d\n", ntohs(name.sin_port)), fflush(stdout);
    while (wait_for(listener) && modbus_tcp_accept(ctx, &listener) >= 0)
        if (!talk(ctx, map, 0))
            break;
    return 0;
}
