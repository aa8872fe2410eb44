// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_BENCH_TENDING_H
#define TESTS_BENCH_TENDING_H

// A main thread beside the one that is measured, for the generation that is published. The caller
// has the last core from then on, all others are for what tends. 0, or an error number.
int tending_start(void);
void tending_stop(void);

#endif
