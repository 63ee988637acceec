/* A load generator for line-based group chats on this host: `load --help`. */
#include "load.h"

#include "member.h"
#include "process.h"
#include "report.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { OBSERVERS = 4 };

static const double QUIET = 0.15;   /* seconds without an octet: nothing is on its way any more */
static const double PATIENCE = 2.0; /* seconds without an octet, though some are owed: lost */
static const double PROBING = 15.0; /* seconds until all have heard a word */
static const double DRAIN = 10.0;   /* seconds that delivering the rest may take in all */

static const char HELP[] =
    "load --port P --members N [--senders N] [--window N] [--text OCTETS] [--stalled N]\n"
    "     [--warm S] [--seconds S] [--rate PER_SECOND] [--idle] [--irc]\n"
    "     [--server PID] [--server-core N] [--generator-core N]\n"
    "Joins the members; the senders keep a window of messages on their way each, or one sends on\n"
    "a schedule; counts what all read and checks every octet that a few read. One line of JSON.\n";

static struct options read_options(int count, char **arguments) {
    struct options options = {.senders = 1, .window = 1, .text = 64, .seconds = 1};
    static const struct option known[] = {
        {"port", 1, NULL, 'p'}, {"members", 1, NULL, 'm'}, {"senders", 1, NULL, 's'},
        {"window", 1, NULL, 'w'}, {"text", 1, NULL, 't'}, {"stalled", 1, NULL, 'z'},
        {"warm", 1, NULL, 'a'}, {"seconds", 1, NULL, 'd'}, {"rate", 1, NULL, 'r'},
        {"idle", 0, NULL, 'i'}, {"irc", 0, NULL, 'c'}, {"server", 1, NULL, 'v'},
        {"server-core", 1, NULL, '1'}, {"generator-core", 1, NULL, '0'}, {NULL, 0, NULL, 0}};
    for (int option; (option = getopt_long(count, arguments, "", known, NULL)) != -1;)
        switch (option) {
        case 'p': options.port = atoi(optarg); break;
        case 'm': options.members = atoi(optarg); break;
        case 's': options.senders = atoi(optarg); break;
        case 'w': options.window = atoi(optarg); break;
        case 't': options.text = atoi(optarg); break;
        case 'z': options.stalled = atoi(optarg); break;
        case 'a': options.warm = atof(optarg); break;
        case 'd': options.seconds = atof(optarg); break;
        case 'r': options.rate = atof(optarg); break;
        case 'i': options.idle = true; break;
        case 'c': options.dialect = IRC; break;
        case 'v': options.server = atoi(optarg); break;
        case '1': options.server_core = atoi(optarg); break;
        case '0': options.generator_core = atoi(optarg); break;
        default: give_up("%s", HELP);
        }
    if (options.port <= 0 || options.members <= 0 || options.senders > options.members ||
        options.text < 15 || options.window < 1 || (options.rate > 0 && options.senders != 1))
        give_up("%s", HELP);
    return options;
}

static void *reserve(size_t count, size_t size) {
    void *memory = calloc(count + 1, size);
    if (memory == NULL)
        give_up("no memory");
    return memory;
}

static void observe(struct load *load, struct member *member) {
    if (member->checker != NULL)
        return;
    struct checker *checker = member->checker = reserve(1, sizeof *checker);
    checker->octets = reserve(CHECK_SIZE, 1);
    checker->next = reserve((size_t)load->options.senders, sizeof *checker->next);
}

/* Senders are spread evenly over the order of joining, so that none gains by being served first. */
static void cast(struct load *load) {
    const struct options *options = &load->options;
    for (int i = 0; i < options->senders; i++) {
        int place = (int)(((long)i * options->members + options->members / 2) / options->senders);
        struct sender *sender = &load->senders[i];
        sender->member = &load->members[place];
        sender->member->sender = sender;
        observe(load, sender->member);
    }
    for (int i = 0; i < OBSERVERS; i++)
        observe(load, &load->members[(long)i * (options->members - 1) / (OBSERVERS - 1)]);
    for (int i = 0; i < options->senders; i++) {
        struct member *witness = load->senders[i].member;
        if (options->dialect == IRC) /* its senders see no echo */
            witness = options->senders > 1 ? load->senders[(i + 1) % options->senders].member
                                           : &load->members[0];
        witness->checker->releases = &load->senders[i];
    }
}

static void be_quiet(struct load *load, double limit) {
    uint64_t before = load->lines;
    for (double last = now(), end = last + limit; now() < last + QUIET && now() < end;) {
        turn(load, last + QUIET);
        if (load->lines != before) {
            before = load->lines;
            last = now();
        }
    }
}

static int deaf(const struct load *load) {
    int count = 0;
    for (int i = 0; i < load->options.members; i++)
        count += !load->members[i].has_heard;
    return count;
}

/* Let one member speak until all the others, and it too where it hears itself, have heard it. */
static void make_heard(struct load *load, struct member *speaker, const char *word, double again) {
    load->awaited = word;
    for (int i = 0; i < load->options.members; i++)
        load->members[i].has_heard = false;
    speaker->has_heard = load->options.dialect == IRC;
    for (double limit = now() + PROBING; deaf(load) > 0;) {
        say(load, speaker, word);
        for (double next = now() + again; deaf(load) > 0 && now() < next;)
            turn(load, next);
        if (now() > limit)
            give_up("%d of %d members hear nothing", deaf(load), load->options.members);
    }
}

/* A client knows that it is a member when a message reaches it: until all know, one speaks. Then
 * come fences: since streams keep their order, who has heard one is sent nothing more. */
static void join(struct load *load) {
    const struct options *options = &load->options;
    struct member *first = &load->members[0], *last = &load->members[options->members - 1];
    double start = now();
    connect_all(load);
    make_heard(load, last, "probe", 0.25);
    load->accepted = now() - start;
    if (options->dialect == IRC)
        make_heard(load, first, "other", PROBING); /* the last does not hear itself */
    make_heard(load, last, "fence", PROBING);
    load->awaited = NULL;
    for (int i = 0; i < options->members; i++)
        load->members[i].lines = load->members[i].octets = 0;
    load->lines = 0;
}

static void start_schedule(struct load *load) {
    const struct options *options = &load->options;
    size_t messages = (size_t)((options->warm + options->seconds) * options->rate) + 1;
    load->due = reserve(messages + 1, sizeof *load->due);
    double start = now() + 0.01;
    for (size_t i = 0; i < messages; i++)
        load->due[i] = start + (double)i / options->rate;
    load->due[messages] = 1e18;
    load->latency_room = messages * (size_t)options->members;
    load->latencies = reserve(load->latency_room, sizeof *load->latencies);
    long period = (long)(1e9 / options->rate);
    struct itimerspec often = {.it_interval = {.tv_nsec = period},
                               .it_value = {.tv_sec = (long)start,
                                            .tv_nsec = (long)((start - (double)(long)start) * 1e9)}};
    load->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    if (timerfd_settime(load->timer, TFD_TIMER_ABSTIME, &often, NULL) != 0 ||
        epoll_ctl(load->epoll, EPOLL_CTL_ADD, load->timer, &event) != 0)
        give_up("a timer: %s", strerror(errno));
    load->is_timed = true;
}

static void run_until(struct load *load, double end) {
    while (now() < end)
        turn(load, end);
}

static bool is_all_delivered(const struct load *load) {
    for (int i = 0; i < load->options.members; i++)
        if (load->members[i].lines < owed_lines(load, &load->members[i]))
            return false;
    return true;
}

static void drain(struct load *load) {
    load->is_sending = false;
    uint64_t before = load->lines;
    for (double last = now(), end = last + DRAIN; !is_all_delivered(load) && now() < end;) {
        turn(load, now() + 0.05);
        if (load->lines != before) {
            before = load->lines;
            last = now();
        } else if (now() > last + PATIENCE) {
            break;
        }
    }
    be_quiet(load, 1); /* what is said twice would come now */
}

static void measure(struct load *load) {
    const struct options *options = &load->options;
    load->is_checking = load->is_sending = true;
    if (options->rate > 0)
        start_schedule(load);
    else
        for (int i = 0; i < options->senders; i++)
            refill(load, &load->senders[i], (uint32_t)options->window);
    run_until(load, now() + options->warm);
    load->latency_count = 0;
    struct snapshot start = take_snapshot(load);
    run_until(load, now() + options->seconds);
    struct snapshot end = take_snapshot(load);
    drain(load);
    report(load, &start, &end);
}

static void stay_idle(struct load *load, const struct snapshot *start) {
    struct snapshot end = take_snapshot(load);
    report(load, start, &end);
    char told[16];
    if (fgets(told, sizeof told, stdin) == NULL)
        give_up("nobody said go on");
}

/* Resets leave no port in TIME_WAIT. */
static void leave(struct load *load) {
    struct linger reset = {.l_onoff = 1};
    for (int i = 0; i < load->options.members; i++) {
        setsockopt(load->members[i].fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close(load->members[i].fd);
    }
}

int main(int count, char **arguments) {
    struct load load = {.options = read_options(count, arguments)};
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_max < (rlim_t)(load.options.members + load.options.stalled + 16))
        give_up("%d members need more descriptors than the %llu allowed", load.options.members,
                (unsigned long long)files.rlim_max);
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    load.members = reserve((size_t)load.options.members, sizeof *load.members);
    load.senders = reserve((size_t)load.options.senders, sizeof *load.senders);
    load.stalled = reserve((size_t)load.options.stalled, sizeof *load.stalled);
    load.buffer = reserve(READ_SIZE, 1);
    cast(&load);
    struct snapshot start = take_snapshot(&load);
    join(&load);
    compose_lines(&load);
    if (load.options.idle)
        stay_idle(&load, &start);
    else
        measure(&load);
    leave(&load);
    return 0;
}
