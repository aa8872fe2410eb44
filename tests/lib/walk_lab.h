// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_LIB_WALK_LAB_H
#define TESTS_LIB_WALK_LAB_H

// A whole generation for a test, built from a model by the server's own builder; its ports are
// replaced by ones that record what is sent. Failures end the running cmocka test.

#include "dataplane/core/model.h"
#include "dataplane/walk/generation.h"

#define WALK_LAB_MAX_SENT 256

// EAL, counters, registry of ports, queues and a pool of n buffers. `kinds` is NULL-terminated and
// kept. Once, before the first generation.
void walk_lab_init(const struct function_ops *const *kinds, unsigned n_buffers);

// Publish a generation built from `model` (which must pass check_model); consumes the model.
void walk_lab_publish(struct model *model);

// Forget what was sent; all buffers must be back. Publishes no generation.
void walk_lab_end(void);

// A frame comes in by port number `port` of the model and is walked to its end.
void walk_lab_receive(unsigned port, const uint8_t *bytes, uint32_t len, uint8_t offload,
                      uint16_t gso_size);

// As many ticks as needed to reach every function once.
void walk_lab_tick(void);

// What was sent to a port so far: the number-th frame, NULL beyond the last; and how many.
struct rte_mbuf *walk_lab_sent(unsigned port, unsigned number);
unsigned walk_lab_n_sent(unsigned port);
void walk_lab_set_room(unsigned n); // frames that a port takes in one burst

uint64_t walk_lab_drops(unsigned port, enum api_drop reason); // API_MAX_PORTS: nobody's
struct port *walk_lab_port(unsigned port);
struct rte_mempool *walk_lab_pool(void);
struct walk_context walk_lab_context(void);

// A port of type tap with this name, for a model.
struct api_port walk_lab_port_config(const char *name);

#endif
