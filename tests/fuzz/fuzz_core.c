/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a core file: opened, it answers for its threads, registers, memory and frames, or
 * with an error.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/debug.h"
#include "fuzz.h"

#define MAX_THREADS 16
#define MAX_FRAMES 16

static void look_at(struct mt_debug *debug)
{
	static const char *const names[] = {
		"rip", "esp", "st0", "xmm0", "ymm15", "zmm31", "pkru"
	};
	struct mt_thread_info threads[MAX_THREADS];
	struct mt_frame frames[MAX_FRAMES];
	struct mt_buf text = { 0 };
	size_t count = mt_debug_threads(debug, threads, MAX_THREADS);
	uint8_t bytes[64];

	if (mt_debug_state(debug) != MT_PROCESS_CORE || !count)
		abort();
	for (size_t i = 0; i < count && i < MAX_THREADS; i++) {
		mt_error_free(mt_debug_select_thread(debug, threads[i].number));
		for (size_t j = 0; j < sizeof(names) / sizeof(*names); j++) {
			mt_error_free(mt_debug_reg_read(debug, names[j], bytes, 8));
			mt_error_free(mt_debug_reg_read(debug, names[j], bytes, sizeof(bytes)));
		}
		mt_error_free(mt_debug_read(debug, threads[i].pc, bytes, sizeof(bytes)));
		mt_debug_frames(debug, 0, frames, MAX_FRAMES);
	}
	mt_error_free(mt_debug_mappings(debug, &text));
	mt_error_free(mt_debug_auxv(debug, &text));
	mt_buf_deinit(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct mt_debug_config config = { 0 };
	struct mt_debug *debug;
	struct mt_error *error;
	char path[32];
	int file = memfd_create("core", MFD_CLOEXEC);

	if (file < 0 || write(file, data, size) != (ssize_t)size)
		abort();
	error = mt_debug_create(&config, &debug);
	if (error)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	error = mt_debug_core(debug, path);
	if (!error)
		look_at(debug);
	mt_error_free(error);
	mt_debug_destroy(debug);
	close(file);
	return 0;
}
