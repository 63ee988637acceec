/* The load generator's data: one process, one thread, one epoll, thousands of members.
 *
 *   process.c  the clock, processor time, and giving up
 *   check.c    an observer's reading: every octet held against what was sent
 *   member.c   sockets: connecting, reading, sending
 *   report.c   what the machine did meanwhile, and the JSON
 *   load.c     the phases of a run
 *
 * Each uses those above it alone.
 */
#ifndef LOAD_H
#define LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { WORD = 5, READ_SIZE = 262144, CHECK_SIZE = 131072, EVIDENCE = 120, STAMP = 18 };

/* How a line goes out, and what is around its text when it comes back. */
enum dialect { CHAT, IRC };

struct options {
    int port, members, senders, window, text, stalled;
    double warm, seconds, rate; /* rate > 0: messages a second, on a schedule, by one sender */
    bool idle;                  /* join, say so, and wait to be told to go on */
    enum dialect dialect;
    pid_t server;
    int server_core, generator_core;
};

/* A member that speaks. Its texts are `SSSS NNNNNNNN ` and letters: who, and the how-many-eth. */
struct sender {
    struct member *member;
    char name[48]; /* in the header of its messages */
    size_t name_length;
    char *line; /* as sent; the number is written over */
    size_t length, text_at;
    char *queue; /* lines composed, of which the socket has taken the first octets */
    size_t queued, taken;
    uint32_t sent, seen;
};

/* What an observer holds against what it reads. */
struct checker {
    char *octets; /* the unfinished unit, and the read after it */
    size_t held;
    uint32_t *next;          /* the number awaited of each sender */
    struct sender *releases; /* whose window moves when this one sees its message */
    uint64_t order;          /* a hash of who spoke when */
};

struct member {
    int fd, port;
    bool is_connected, is_closed, has_heard;
    char tail[8]; /* what it read last, while a word is awaited */
    uint64_t lines, octets;
    struct checker *checker;
    struct sender *sender;
};

struct snapshot {
    double wall, generator, server;
    uint64_t lines;
    double busy[2], stolen[2]; /* of the server's core, and the generator's */
};

struct load {
    struct options options;
    int epoll, timer;
    struct member *members;
    struct sender *senders;
    int *stalled;
    char *buffer;
    bool is_checking, is_sending, is_timed;
    uint64_t lines, total; /* newlines read by all members; messages sent by all senders */
    uint64_t wrong, disordered, doubled, closed;
    char evidence[EVIDENCE];
    double *due;      /* when each timed message was to be sent */
    float *latencies; /* in microseconds, one a delivery */
    size_t latency_count, latency_room;
    const char *awaited; /* a word of five letters that all are to hear */
    int connected;
    double accepted; /* seconds until every member had shown that it is one */
};

#endif
