/* Goal: whatever a network, a disk and a clock do to a cluster with fail-over, and whatever a stranger
 * sends it, nothing crashes, leaks, loops or grows without bound; what each host holds stays what its log
 * says; and once it ends, the cluster works again.
 *
 * The first bytes of the input choose the cluster. Then, for each message that is due, one byte says what
 * becomes of it: mostly nothing. At the input's end the network and the disks are sound, all hosts live,
 * and a request to each must be answered, CG_OK unless somebody had forged messages with right checksums
 * (such a one can speak for a whole host, and no protocol among honest hosts bears that), or more than one
 * disk forgot; then a reply of any status will do.
 */
#include "engine/base/bytes.h"
#include "engine/base/hash.h"
#include "engine/replica/wire.h"
#include "tests/support/hostile_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    KEPT = 64,           /* messages that may be sent again later */
    EVENTS_MAX = 6000,   /* while the input lasts */
    HEALED_MAX = 400000, /* thereafter */
    APPEND_RECORDS_AT = CG_WIRE_HEADER_BYTES + 113,
    OFFER_RECORDS_AT = CG_WIRE_HEADER_BYTES + 48
};
static const uint64_t years_ns = UINT64_C(31557600000000000);
static const uint64_t healed_ns = 60000 * HOSTILE_MS;
static const uint64_t pause_ns = 500 * HOSTILE_MS;

typedef struct input {
    const uint8_t *at;
    size_t left;
} input;

typedef struct attack {
    input in;
    hostile_world world;
    struct {
        uint8_t *bytes;
        size_t size_bytes;
        uint32_t to;
    } kept[KEPT];
    uint64_t seen;
    uint64_t requests;
    uint64_t healed_events;
    uint32_t hurt; /* hosts whose disks were lost or altered: a set of bits */
    bool forged;
} attack;

static cg_corpus corpus;

static uint8_t next_u8(input *in) {
    if (in->left == 0) {
        return 0;
    }
    in->left--;
    return *in->at++;
}

static uint64_t next_below(input *in, uint64_t bound) {
    uint64_t value = 0;
    for (uint64_t rest = bound - 1; rest > 0; rest >>= 8) {
        value = value << 8 | next_u8(in);
    }
    return value % bound;
}

/* A number that somebody might not have thought of. */
static uint64_t next_absurd(input *in) {
    static const uint64_t numbers[] = {0,
                                       1,
                                       2,
                                       0x7F,
                                       0x80,
                                       0xFF,
                                       0xFFFF,
                                       0x10000,
                                       0xFFFFFF,
                                       0x7FFFFFFF,
                                       0x80000000,
                                       UINT32_MAX,
                                       UINT64_MAX,
                                       INT64_MAX,
                                       (uint64_t)INT64_MIN,
                                       (UINT64_C(1) << 62) - 1,
                                       UINT64_C(1) << 62,
                                       UINT64_C(1) << 48};
    return numbers[next_u8(in) % (sizeof numbers / sizeof *numbers)];
}

/* --- messages --- */

/* The records from `at` on get right checksums, as far as their lengths lead. */
static void seal_records(uint8_t *bytes, size_t size, size_t at) {
    while (size >= 8 && at <= size - 8) {
        cg_reader reader = cg_reader_init(bytes + at, 4);
        size_t length = cg_read_u32(&reader);
        if (length < 4 || length > size - at - 4) {
            return;
        }
        cg_writer writer = cg_writer_init(bytes + at + 4, 4);
        cg_write_u32(&writer, cg_crc32c(bytes + at + 8, length - 4));
        at += length + 4;
    }
}

static cg_wire_header header_of(const uint8_t *bytes) {
    cg_reader reader = cg_reader_init(bytes, CG_WIRE_HEADER_BYTES);
    cg_wire_header header = {0};
    (void)cg_read_u32(&reader);
    (void)cg_read_u16(&reader);
    header.type = cg_read_u16(&reader);
    header.from = cg_read_u32(&reader);
    header.to = cg_read_u32(&reader);
    header.clock.physical_ns = cg_read_u64(&reader);
    header.clock.logical = cg_read_u32(&reader);
    header.payload_bytes = cg_read_u32(&reader);
    header.owner = cg_read_u64(&reader);
    return header;
}

/* Bytes altered: flipped, or a field of 1, 2, 4 or 8 set. */
static void alter(input *in, uint8_t *bytes, size_t size, size_t from) {
    for (uint32_t left = 1 + next_u8(in) % 4U; left > 0 && size > from; left--) {
        size_t at = from + (size_t)next_below(in, size - from);
        uint8_t how = next_u8(in);
        size_t width = (size_t)1 << how % 4U;
        if (how & 4) {
            bytes[at] ^= (uint8_t)(1U << (how >> 5));
        } else if (size - at >= width) {
            uint64_t value = next_absurd(in);
            for (size_t i = 0; i < width; i++) {
                bytes[at + i] = (uint8_t)(value >> 8 * i);
            }
        }
    }
}

/* The envelope is somebody else's. */
static void alter_header(attack *self, cg_wire_header *header) {
    input *in = &self->in;
    switch (next_u8(in) % 6U) {
    case 0:
        header->type = (uint16_t)next_below(in, 256);
        break;
    case 1:
        header->from = next_u8(in) % (self->world.hosts + 2);
        break;
    case 2:
        header->to = next_u8(in) % (self->world.hosts + 2);
        break;
    case 3:
        header->owner = next_u8(in) & 1 ? next_absurd(in) : next_u8(in);
        break;
    case 4:
        header->clock.physical_ns = next_u8(in) * years_ns;
        header->clock.logical = (uint32_t)next_absurd(in);
        break;
    default:
        header->clock.physical_ns = next_absurd(in);
        break;
    }
}

/* A message with right checksums, and something else in it. */
static void forge(attack *self, hostile_item *item) {
    input *in = &self->in;
    uint8_t how = next_u8(in);
    size_t size = item->size_bytes;
    if (size < CG_WIRE_HEADER_BYTES) {
        return;
    }
    cg_wire_header header = header_of(item->bytes);
    size_t payload = size - CG_WIRE_HEADER_BYTES;
    self->forged = true;
    if (how & 1) {
        alter_header(self, &header);
    }
    if (how & 2) { /* shorter, or longer */
        size_t other = how & 4 ? (size_t)next_below(in, payload + 1) : payload + next_u8(in);
        item->bytes = realloc(item->bytes, CG_WIRE_HEADER_BYTES + other + 1);
        hostile_require(item->bytes != NULL, "no memory");
        for (size_t i = payload; i < other; i++) {
            item->bytes[CG_WIRE_HEADER_BYTES + i] = (uint8_t)(i * how);
        }
        payload = other;
        item->size_bytes = size = CG_WIRE_HEADER_BYTES + other;
    }
    if (!(how & 1) || how & 8) {
        alter(in, item->bytes, size, CG_WIRE_HEADER_BYTES);
    }
    if (how & 16) {
        seal_records(item->bytes, size, APPEND_RECORDS_AT);
    }
    if (how & 32) {
        seal_records(item->bytes, size, OFFER_RECORDS_AT);
    }
    header.payload_bytes = (uint32_t)payload;
    cg_wire_seal(&header, item->bytes);
}

/* A payload of the input's own making, of any type. */
static void invent(attack *self, uint32_t host) {
    input *in = &self->in;
    uint8_t bytes[CG_WIRE_HEADER_BYTES + 255];
    cg_wire_header header = {
        .type = (uint16_t)(CG_MESSAGE_PROTOCOLS +
                           next_below(in, CG_PROTOCOL_COUNT * (uint64_t)CG_PROTOCOL_TYPES)),
        .from = (host + 1) % self->world.hosts,
        .to = host,
        .owner = next_u8(in) % 8U,
        .payload_bytes = next_u8(in)};
    for (uint32_t i = 0; i < header.payload_bytes; i++) {
        bytes[CG_WIRE_HEADER_BYTES + i] = next_u8(in);
    }
    cg_wire_seal(&header, bytes);
    self->forged = true;
    hostile_send(&self->world, host, bytes, CG_WIRE_HEADER_BYTES + header.payload_bytes, 0);
}

static void keep(attack *self, const hostile_item *item) {
    uint32_t at = (uint32_t)(self->seen++ % KEPT);
    if (self->seen > KEPT && self->seen % 7 != 0) {
        return; /* some of the first ones stay for long */
    }
    free(self->kept[at].bytes);
    self->kept[at].bytes = hostile_copy(item->bytes, item->size_bytes);
    self->kept[at].size_bytes = item->size_bytes;
    self->kept[at].to = item->host;
}

/* --- hosts --- */

/* What a disk may do to what it has while its host is down. */
static void alter_disk(input *in, hostile_disk *disk) {
    uint8_t how = next_u8(in);
    size_t at = disk->used > 0 ? (size_t)next_below(in, disk->used) : 0;
    size_t frame_end = at;
    cg_frame frame;
    switch (how % 6U) {
    case 0: /* torn */
        disk->used = at;
        break;
    case 1: /* rotten */
        alter(in, disk->bytes, disk->used, 0);
        break;
    case 2: /* garbage behind it */
        for (uint8_t i = next_u8(in); i > 0; i--) {
            uint8_t byte = next_u8(in);
            hostile_disk_add(disk, &byte, 1);
        }
        break;
    case 3: /* some frames once more, at the end: repeated, and out of order */
        if (cg_journal_resume(disk->bytes, disk->used, &frame_end)) {
            size_t begin = frame_end;
            for (uint8_t i = next_u8(in) % 8U;
                 i > 0 && cg_frame_next(disk->bytes, disk->used, &frame_end, &frame); i--) {
            }
            uint8_t *again = hostile_copy(disk->bytes + begin, frame_end - begin);
            hostile_disk_add(disk, again, frame_end - begin);
            free(again);
        }
        break;
    case 4: /* a hole */
        if (cg_journal_resume(disk->bytes, disk->used, &frame_end)) {
            memmove(disk->bytes + at, disk->bytes + frame_end, disk->used - frame_end);
            disk->used -= frame_end - at;
        }
        break;
    default: /* nothing happened */
        break;
    }
}

static void restart(attack *self, uint32_t host) {
    uint8_t how = next_u8(&self->in);
    hostile_disk *disk = &self->world.host[host].disk;
    hostile_crash(&self->world, host);
    if (how & 1) {
        self->forged = true; /* frames that stand twice are nothing that a disk does */
        alter_disk(&self->in, disk);
    }
    disk->used = how & 2 ? 0 : disk->used;
    if ((how & 3) || disk->used == 0) { /* two that forgot can tell each other nothing */
        self->forged = self->forged || (self->hurt & ~(1U << host)) != 0;
        self->hurt |= 1U << host;
    }
    if (!(how & 4)) {
        hostile_start(&self->world, host, how & 2 ? CG_START_DISK_LOST : 0);
    }
}

/* A timer that the host may have set, or not. */
static void wake(attack *self, uint32_t host) {
    input *in = &self->in;
    uint64_t protocol = next_below(in, CG_PROTOCOL_COUNT + 1);
    uint64_t owner = next_u8(in) & 3 ? next_u8(in) % 12U : next_absurd(in) & 0xFFFF;
    uint64_t number = next_u8(in) & 3 ? next_u8(in) : next_absurd(in) & UINT32_MAX;
    uint64_t id = cg_timer_id(CG_TIMER_PROTOCOL, protocol << CG_PROTOCOL_SHIFT |
                                                     owner << CG_PROTOCOL_OWNER_SHIFT | number);
    hostile_step(&self->world, host, (cg_event){.kind = CG_EVENT_TIMER, .id = id});
}

static void skew(attack *self, uint32_t host) {
    static const int64_t much_ns[] = {0,
                                      -1000000000,
                                      1000000000,
                                      INT64_C(-31557600000000000),
                                      INT64_C(31557600000000000),
                                      INT64_C(3155760000000000000),
                                      INT64_C(-3155760000000000000)};
    self->world.host[host].skew_ns = much_ns[next_u8(&self->in) % 7U];
}

/* --- the attack --- */

/* Sends the item's bytes on; the item keeps its own. */
static void again(attack *self, const hostile_item *item, uint64_t after_ns) {
    hostile_send(&self->world, item->host, item->bytes, item->size_bytes, after_ns);
}

/* What becomes of a message, and of whom it goes to. True: it is to be delivered. */
static bool strike(attack *self, hostile_item *item) {
    input *in = &self->in;
    uint8_t what = next_u8(in);
    switch (what & 31) {
    case 0: /* lost */
        return false;
    case 1: /* doubled */
        again(self, item, next_u8(in) * HOSTILE_MS);
        return true;
    case 2: /* late: behind others */
        again(self, item, (1 + next_u8(in)) * HOSTILE_MS * (what & 32 ? 100 : 1));
        return false;
    case 3: /* one of long ago */
        item->host = self->kept[what >> 5].bytes ? self->kept[what >> 5].to : item->host;
        if (self->kept[what >> 5].bytes) {
            hostile_send(&self->world, self->kept[what >> 5].to, self->kept[what >> 5].bytes,
                         self->kept[what >> 5].size_bytes, 0);
        }
        return true;
    case 4: /* cut */
        item->size_bytes = (size_t)next_below(in, item->size_bytes + 1);
        return true;
    case 5: /* altered */
        alter(in, item->bytes, item->size_bytes, 0);
        return true;
    case 6:
        item->host = next_u8(in) % self->world.hosts;
        return true;
    case 7:
    case 8:
    case 9:
    case 10:
    case 11:
        forge(self, item);
        return true;
    case 12:
        invent(self, item->host);
        return true;
    case 13:
        wake(self, item->host);
        return true;
    case 14:
        restart(self, item->host);
        return true;
    case 15:
        skew(self, item->host);
        return true;
    case 16:
    case 17:
    case 18:
    case 19:
        hostile_request(&self->world, item->host, (uint32_t)(what >> 5) | (what & 3U) << 3,
                        ++self->requests);
        return true;
    default:
        return true;
    }
}

static void run_attack(attack *self) {
    hostile_item item;
    for (uint32_t i = 0;
         i < EVENTS_MAX && self->in.left > 0 && hostile_pop(&self->world, &item); i++) {
        self->world.now_ns = item.at_ns;
        if (item.kind == CG_EVENT_MESSAGE) {
            keep(self, &item);
            if (!strike(self, &item)) {
                item.host = 0;
                free(item.bytes);
                continue;
            }
        } else if (i % 64 == 63) { /* a cluster without messages */
            hostile_request(&self->world, next_u8(&self->in) % self->world.hosts, 0,
                            ++self->requests);
        }
        hostile_deliver(&self->world, &item);
    }
}

/* Lets time pass; with a request awaited, until it is answered. */
static void run_on(attack *self, uint64_t for_ns) {
    hostile_world *world = &self->world;
    uint64_t until = world->now_ns + for_ns;
    hostile_item item;
    while (world->answers == 0 && world->queued > 0 && world->queue[0].at_ns <= until) {
        (void)hostile_pop(world, &item);
        hostile_require(++self->healed_events < HEALED_MAX, "no end of events");
        world->now_ns = item.at_ns > world->now_ns ? item.at_ns : world->now_ns;
        hostile_deliver(world, &item);
    }
    world->now_ns = world->answers == 0 && world->now_ns < until ? until : world->now_ns;
}

/* Requests to each host, when nothing disturbs any more: in the end they are answered, each of them. */
static void run_healed(attack *self) {
    hostile_world *world = &self->world;
    for (uint32_t host = 0; host < world->hosts; host++) {
        world->host[host].skew_ns = 0;
        if (!world->host[host].node) {
            hostile_start(world, host, 0);
        }
    }
    for (uint32_t host = 0; host < world->hosts; host++) {
        uint64_t until = world->now_ns + healed_ns;
        do {
            world->answers = 0;
            run_on(self, pause_ns);
            world->awaited = ++self->requests;
            hostile_request(&self->world, host, CG_REQUEST_ALLOCATE, world->awaited);
            run_on(self, healed_ns);
            hostile_require(world->answers > 0, "a request without an answer");
        } while (!self->forged && world->answer != CG_OK && world->now_ns < until);
        hostile_require(self->forged || world->answer == CG_OK, "a cluster that does not heal");
    }
}

static void check_end(const attack *self) {
    cg_error error = {0};
    for (uint32_t host = 0; host < self->world.hosts; host++) {
        const cg_node *node = self->world.host[host].node;
        hostile_require(cg_node_bytes(node) < UINT64_C(1) << 26, "a node that grew");
        cg_status status = cg_node_audit(node, &error);
        hostile_require(status == CG_OK, error.message);
    }
}

static cg_node_options options_from(input *in) {
    cg_node_options options = cg_node_options_default();
    uint8_t shape = next_u8(in);
    uint8_t more = next_u8(in);
    options.hosts = 2 + shape % 3U;
    options.replicas = (shape >> 2) % 3U;
    options.replicas = options.replicas < options.hosts ? options.replicas : options.hosts - 1;
    options.acknowledge = (cg_acknowledge)((shape >> 4) % CG_ACKNOWLEDGE_COUNT);
    options.spaces = 1 + (shape >> 7);
    options.fails_over = true;
    options.seed = more;
    options.heartbeat_ns = 50 * HOSTILE_MS;
    options.election_ns = 250 * HOSTILE_MS;
    options.replicate_retry_ns = 30 * HOSTILE_MS;
    options.lag_warn_ns = 200 * HOSTILE_MS;
    options.lag_drop_ns = 600 * HOSTILE_MS;
    options.tries = 20;
    options.spread.across = (cg_across)((more >> 2) % CG_ACROSS_COUNT);
    options.spread.timeout_ns = 100 * HOSTILE_MS;
    options.service.permits = more & 16 ? 2 : 0;
    options.service.queue_max = 8;
    options.service.wait_max_ns = 50 * HOSTILE_MS;
    options.service.cache_entries = more & 32 ? 16 : 0;
    options.service.writes_max = more & 64 ? 1 : 0;
    return options;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    cg_error error = {0};
    if (!corpus.graph) {
        cg_runner serial = cg_runner_serial();
        hostile_require(support_corpus_build(CG_INDEX_FLAT, &serial, cg_allocator_heap(),
                                             &corpus, &error) == CG_OK,
                        error.message);
    }
    attack self = {.in = {data, size}};
    cg_node_options options = options_from(&self.in);
    hostile_world_init(&self.world, &options, &corpus);
    for (uint32_t host = 0; host < options.hosts; host++) {
        hostile_start(&self.world, host, 0);
        hostile_request(&self.world, host, CG_REQUEST_ALLOCATE, ++self.requests);
    }
    run_attack(&self);
    run_healed(&self);
    check_end(&self);
    for (uint32_t i = 0; i < KEPT; i++) {
        free(self.kept[i].bytes);
    }
    hostile_world_deinit(&self.world);
    return 0;
}
