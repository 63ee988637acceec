/* An observer's reading: every octet held against what was sent. */
#ifndef CHECK_H
#define CHECK_H

#include "load.h"

/* Check the units that `came` octets at the end of what the member's checker holds complete. */
void check(struct load *load, struct member *member, size_t came);

uint64_t count_lines(const char *octets, size_t length);

#endif
