/* What the machine did meanwhile, and the JSON. */
#ifndef REPORT_H
#define REPORT_H

#include "load.h"

struct snapshot take_snapshot(const struct load *load);

/* Print one line: what came between the snapshots, and what was wrong in the whole run. */
void report(struct load *load, const struct snapshot *start, const struct snapshot *end);

#endif
