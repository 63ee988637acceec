/* The clock, processor time, and giving up. */
#ifndef PROCESS_H
#define PROCESS_H

#include <sys/types.h>

/* Seconds of the monotonic clock. */
double now(void);

/* Seconds that a process has had a processor for; 0 stands for this one. */
double processor_time(pid_t process);

/* Say why on standard error, and end with status 1. */
__attribute__((noreturn, format(printf, 1, 2))) void give_up(const char *format, ...);

#endif
