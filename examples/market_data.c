// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Market data from a feed process to a strategy process, through a ring of 4096 slots:
//
//     market_data [TICKS | FILE]      both processes; 1000000 generated ticks if nothing is given
//     market_data feed [TICKS | FILE] one of them, in whichever order
//     market_data strategy
//
// FILE has a line for each tick: "SYMBOL,PRICE,QUANTITY", the price with at most four decimals.
//
// The feed does not lose a tick when the ring is full: it tries again, and sleeps if the strategy
// stays away. The strategy follows two moving averages for each symbol, notes when they cross, and
// checks that it saw every tick: numbers without a gap, and the feed's sum over all prices.

#include <inttypes.h>
#include <renoir.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SLOTS = 4096, SYMBOLS = 64, SYMBOL_SIZE = 12, TICKS_DEFAULT = 1000000, RETRIES = 1000 };
enum { TICK = 0, LAST = 1 }; // kinds

static const char REGION_NAME[] = "market-data";

// 64 bytes: with its stamp it takes a pair of cache lines.
typedef struct Tick {
    uint64_t number;
    uint64_t sent_ns;
    int64_t price; // in ten-thousandths; of the last tick the sum of all
    uint32_t quantity;
    uint32_t kind;
    char symbol[SYMBOL_SIZE];
    uint8_t reserved[64 - 32 - SYMBOL_SIZE];
} Tick;

_Static_assert(sizeof(Tick) == 64, "a tick has 64 bytes");

static _Noreturn void die_of_renoir(void)
{
    fprintf(stderr, "market_data: %s\n", renoir_last_error_message());
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

// Whoever comes first makes the region and the ring.
static RenoirSpsc open_ring(RenoirRegionHandle *out_region, uint32_t role)
{
    RenoirRegionConfig config = renoir_region_config_default();
    RenoirRingOptions options = renoir_ring_options_default();
    RenoirSpsc ring;

    config.name = REGION_NAME;
    config.size = 1 << 20;
    options.capacity = SLOTS;
    options.element_size = sizeof(Tick);
    options.flags = RENOIR_RING_WAITABLE | RENOIR_RING_STAMPED;
    if (renoir_region_create(NULL, &config, out_region) != RENOIR_SUCCESS ||
        renoir_spsc_open(*out_region, "ticks", &options, role, &ring) != RENOIR_SUCCESS) {
        die_of_renoir();
    }
    return ring;
}

// --- the feed ------------------------------------------------------------------------------------

typedef struct Feed {
    RenoirSpsc ring;
    FILE *file;     // NULL: generated
    uint64_t count; // generated
    uint64_t seed;
    uint64_t sent;
    uint64_t retries;
    uint64_t sleeps;
    int64_t sum;
    int64_t prices[SYMBOLS]; // generated
} Feed;

static uint64_t random_u64(Feed *feed)
{
    feed->seed ^= feed->seed << 13;
    feed->seed ^= feed->seed >> 7;
    feed->seed ^= feed->seed << 17;
    return feed->seed;
}

static int next_generated(Feed *feed, Tick *tick)
{
    if (feed->sent == feed->count) {
        return 0;
    }
    const uint64_t drawn = random_u64(feed);
    const unsigned which = (unsigned)(drawn % SYMBOLS);
    int64_t *const price = &feed->prices[which];
    *price += (int64_t)(drawn >> 32) % 201 - 100;
    *price = *price < 100 ? 100 : *price;
    tick->price = *price;
    tick->quantity = (uint32_t)(drawn >> 16) % 1000 + 1;
    snprintf(tick->symbol, sizeof tick->symbol, "SYM%02u", which);
    return 1;
}

static int next_from_file(Feed *feed, Tick *tick)
{
    char line[128];
    double price = 0;

    if (fgets(line, sizeof line, feed->file) == NULL) {
        return 0;
    }
    if (sscanf(line, "%11[^,],%lf,%" SCNu32, tick->symbol, &price, &tick->quantity) != 3 ||
        !(price >= 0 && price < 1e12)) {
        fprintf(stderr, "market_data: line %" PRIu64 " is no \"SYMBOL,PRICE,QUANTITY\": %s",
                feed->sent + 1, line);
        exit(1);
    }
    tick->price = (int64_t)(price * 10000 + 0.5);
    return 1;
}

// Fail and retry: a full ring loses nothing, and a strategy that stays away costs no CPU.
static void send(Feed *feed, const Tick *tick)
{
    for (unsigned tries = 1;; ++tries) {
        const RenoirErrorCode status = renoir_spsc_try_push(&feed->ring, tick, sizeof *tick);
        if (status == RENOIR_SUCCESS) {
            return;
        }
        if (status != RENOIR_BUFFER_FULL) {
            die_of_renoir();
        }
        feed->retries++;
        if (tries % RETRIES == 0) {
            feed->sleeps++;
            if (renoir_ring_wait(&feed->ring.end, RENOIR_WAIT_FOREVER) != RENOIR_SUCCESS) {
                die_of_renoir();
            }
        }
    }
}

static void run_feed(const char *source)
{
    RenoirRegionHandle region = NULL;
    Feed feed = {.count = TICKS_DEFAULT, .seed = 88172645463325252u};
    Tick tick = {.kind = TICK};
    char *rest = NULL;

    feed.ring = open_ring(&region, RENOIR_PRODUCER);
    if (source != NULL) {
        feed.count = strtoull(source, &rest, 10);
        if (*rest != '\0' && (feed.file = fopen(source, "r")) == NULL) {
            perror(source);
            exit(1);
        }
    }
    for (unsigned i = 0; i < SYMBOLS; ++i) {
        feed.prices[i] = 1000000 + 10000 * (int64_t)i;
    }
    while (feed.file != NULL ? next_from_file(&feed, &tick) : next_generated(&feed, &tick)) {
        tick.number = ++feed.sent;
        tick.sent_ns = now_ns();
        feed.sum += tick.price;
        send(&feed, &tick);
    }
    tick = (Tick){.number = feed.sent + 1, .price = feed.sum, .kind = LAST};
    send(&feed, &tick);
    printf("feed:     %" PRIu64 " ticks, %" PRIu64 " retries, %" PRIu64 " sleeps\n", feed.sent,
           feed.retries, feed.sleeps);
    if (feed.file != NULL) {
        fclose(feed.file);
    }
    renoir_ring_close(&feed.ring.end);
    renoir_region_close(region);
}

// --- the strategy --------------------------------------------------------------------------------

typedef struct Average {
    char symbol[SYMBOL_SIZE];
    int64_t fast; // in ten-thousandths, times 256
    int64_t slow;
    int is_above;
} Average;

typedef struct Strategy {
    RenoirSpsc ring;
    uint64_t received;
    uint64_t crossings;
    uint64_t worst_ns;
    int64_t sum;
    unsigned known;
    Average averages[SYMBOLS];
} Strategy;

// NULL: more symbols than it follows.
static Average *average_of(Strategy *self, const Tick *tick)
{
    for (unsigned i = 0; i < self->known; ++i) {
        if (memcmp(self->averages[i].symbol, tick->symbol, SYMBOL_SIZE) == 0) {
            return &self->averages[i];
        }
    }
    if (self->known == SYMBOLS) {
        return NULL;
    }
    Average *const average = &self->averages[self->known++];
    memcpy(average->symbol, tick->symbol, SYMBOL_SIZE);
    average->fast = tick->price * 256;
    average->slow = average->fast;
    return average;
}

static void follow(Strategy *self, const Tick *tick)
{
    Average *const average = average_of(self, tick);
    if (average == NULL) {
        return;
    }
    average->fast += (tick->price * 256 - average->fast) / 8;
    average->slow += (tick->price * 256 - average->slow) / 64;
    const int is_above = average->fast > average->slow;
    self->crossings += is_above != average->is_above;
    average->is_above = is_above;
}

static void receive(Strategy *self, Tick *out_tick)
{
    for (;;) {
        const RenoirErrorCode status = renoir_spsc_try_pop(&self->ring, out_tick, sizeof *out_tick);
        if (status == RENOIR_SUCCESS) {
            return;
        }
        if (status != RENOIR_BUFFER_EMPTY ||
            renoir_ring_wait(&self->ring.end, RENOIR_WAIT_FOREVER) != RENOIR_SUCCESS) {
            die_of_renoir(); // also if the feed died before its last tick
        }
    }
}

static void run_strategy(void)
{
    static Strategy self;
    RenoirRegionHandle region = NULL;
    Tick tick;

    self.ring = open_ring(&region, RENOIR_CONSUMER);
    receive(&self, &tick);
    const uint64_t begin = now_ns();
    while (tick.kind != LAST) {
        const uint64_t took = now_ns() - tick.sent_ns;
        if (tick.number != ++self.received) {
            fprintf(stderr, "market_data: tick %" PRIu64 " came as number %" PRIu64 "\n",
                    tick.number, self.received);
            exit(1);
        }
        self.worst_ns = took > self.worst_ns ? took : self.worst_ns;
        self.sum += tick.price;
        follow(&self, &tick);
        receive(&self, &tick);
    }
    const double seconds = (double)(now_ns() - begin) / 1e9;
    if (tick.number != self.received + 1 || tick.price != self.sum) {
        fprintf(stderr, "market_data: %" PRIu64 " of %" PRIu64 " ticks, or another sum\n",
                self.received, tick.number - 1);
        exit(1);
    }
    printf("strategy: %" PRIu64 " ticks, none lost, %" PRIu64 " crossings in %u symbols, "
           "%.1f million/s, the slowest after %.1f us\n",
           self.received, self.crossings, self.known, (double)self.received / seconds / 1e6,
           (double)self.worst_ns / 1e3);
    renoir_ring_close(&self.ring.end);
    renoir_region_close(region);
}

// --- both ----------------------------------------------------------------------------------------

// Nothing is open before the fork: each process opens its own end.
static pid_t start(int is_feed, const char *source)
{
    const pid_t pid = fork();
    if (pid == 0) {
        if (is_feed) {
            run_feed(source);
        } else {
            run_strategy();
        }
        exit(0);
    }
    if (pid < 0) {
        perror("fork");
        exit(1);
    }
    return pid;
}

// If one fails, the other need not have met it: it is not left waiting.
static int run_both(const char *source)
{
    const pid_t pids[2] = {start(0, NULL), start(1, source)};
    int is_fine = 1;
    for (int i = 0; i < 2; ++i) {
        int status = 0;
        const pid_t ended = wait(&status);
        if (ended < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
            is_fine = 0;
            if (i == 0) {
                (void)kill(pids[ended == pids[0] ? 1 : 0], SIGTERM);
            }
        }
    }
    return is_fine ? 0 : 1;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc == 2 && strcmp(argv[1], "strategy") == 0) {
        run_strategy();
        return 0;
    }
    if (argc >= 2 && argc <= 3 && strcmp(argv[1], "feed") == 0) {
        run_feed(argc == 3 ? argv[2] : NULL);
        return 0;
    }
    if (argc > 2 || (argc == 2 && argv[1][0] == '-')) {
        fprintf(stderr, "usage: market_data [feed | strategy] [TICKS | FILE]\n");
        return 2;
    }
    return run_both(argc == 2 ? argv[1] : NULL);
}
