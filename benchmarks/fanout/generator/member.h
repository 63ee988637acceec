/* A member's socket: connecting it, reading it, sending its lines. */
#ifndef MEMBER_H
#define MEMBER_H

#include "load.h"

void connect_all(struct load *load);

/* Make each sender's line; its number is written over for each message. */
void compose_lines(struct load *load);

/* Send that many more of the sender's messages, as far as its socket takes them. */
void refill(struct load *load, struct sender *sender, uint32_t lines);

/* Send a line that is no sender's message. */
void say(const struct load *load, struct member *member, const char *word);

/* Wait once for what comes, no longer than until then, and take it all. */
void turn(struct load *load, double until);

/* How many lines the member is owed for all that was sent. */
uint64_t owed_lines(const struct load *load, const struct member *member);

#endif
