/* SPDX-License-Identifier: MIT */
/* The registers of the XSAVE area, held against what the processor loads and stores. */
#include "engine_session.h"

#define VECTORS 32
#define MASKS_AT (VECTORS * 64)
#define X87_AT (MASKS_AT + 8 * 8)
#define ALL (X87_AT + 8 * 16)

struct vectors {
	struct session session;
	uint32_t size; /* of a vector: what this processor has */
	const char *kind;
	uint8_t filled[ALL], stored[ALL];
};

static void read_all(struct vectors *vectors, const char *name, uint8_t bytes[ALL])
{
	MT_CK_OK(mt_debug_read(vectors->session.debug, session_address(&vectors->session, name),
	                       bytes, ALL));
}

/* The registers hold what `filled` has. */
static void run_to_filled(struct vectors *vectors)
{
	static const char *const kinds[] = { "zmm", "ymm", "xmm" };
	char place[32];

	SESSION_START(&vectors->session, "vectors");
	for (size_t i = 0; i < 3; i++) {
		snprintf(place, sizeof(place), "at_filled_%s", kinds[i]);
		session_break_entry(&vectors->session, place, NULL);
	}
	ck_assert_int_eq(session_continue(&vectors->session), MT_STOP_BREAKPOINT);
	vectors->kind = kinds[vectors->session.stop.numbers[0] - 1];
	vectors->size = (uint32_t)session_variable(&vectors->session, "vector_size");
	read_all(vectors, "filled", vectors->filled);
}

/* They have been stored. */
static void run_to_stored(struct vectors *vectors)
{
	session_break(&vectors->session, "at_stored", NULL);
	ck_assert_int_eq(session_continue(&vectors->session), MT_STOP_BREAKPOINT);
	read_all(vectors, "stored", vectors->stored);
}

/* Calls `each` with the name, bytes in `filled` and in `stored`, and size of every register. */
static void for_each(struct vectors *vectors,
                     void (*each)(struct vectors *vectors, const char *name, size_t filled,
                                  size_t stored, size_t size))
{
	size_t count = vectors->size == 64 ? 32 : 16;
	char name[16];

	for (size_t i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "%s%zu", vectors->kind, i);
		each(vectors, name, i * 64, i * 64, vectors->size);
	}
	for (size_t i = 0; vectors->size == 64 && i < 8; i++) {
		snprintf(name, sizeof(name), "k%zu", i);
		each(vectors, name, MASKS_AT + i * 8, MASKS_AT + i * 8, 8);
	}
	for (size_t i = 0; i < 8; i++) { /* the last one that was pushed is st0 */
		snprintf(name, sizeof(name), "st%zu", i);
		each(vectors, name, X87_AT + (7 - i) * 16, X87_AT + i * 16, 10);
	}
}

/* ---- Reading ------------------------------------------------------------- */

static void reads(struct vectors *vectors, const char *name, size_t filled, size_t stored,
                  size_t size)
{
	uint8_t value[64];

	(void)stored;
	MT_CK_OK(mt_debug_reg_read(vectors->session.debug, name, value, size));
	ck_assert_msg(!memcmp(value, vectors->filled + filled, size), "%s is another", name);
}

START_TEST(registers_are_read_as_they_were_loaded)
{
	struct vectors vectors;

	run_to_filled(&vectors);
	for_each(&vectors, reads);
	session_end(&vectors.session);
}
END_TEST

/* ---- Writing ------------------------------------------------------------- */

/* What is written, in place of what was loaded. Finite x87 numbers. */
static void writes(struct vectors *vectors, const char *name, size_t filled, size_t stored,
                   size_t size)
{
	uint8_t value[64];

	(void)stored;
	for (size_t i = 0; i < size; i++)
		value[i] = (uint8_t)(vectors->filled[filled + i] ^ (0x5a + i));
	if (size == 10) {
		value[7] |= 0x80;
		value[9] = 0x3f;
	}
	MT_CK_OK(mt_debug_reg_write(vectors->session.debug, name, value, size));
	memcpy(vectors->filled + filled, value, size);
}

static void was_stored(struct vectors *vectors, const char *name, size_t filled, size_t stored,
                       size_t size)
{
	ck_assert_msg(!memcmp(vectors->stored + stored, vectors->filled + filled, size),
	              "%s: the program has another", name);
}

START_TEST(registers_are_stored_as_they_were_written)
{
	struct vectors vectors;

	run_to_filled(&vectors);
	for_each(&vectors, writes);
	for_each(&vectors, reads);
	run_to_stored(&vectors);
	for_each(&vectors, was_stored);
	session_end(&vectors.session);
}
END_TEST

/* Nobody has written: what the breakpoint itself does may not show. */
START_TEST(registers_are_stored_as_they_were_loaded)
{
	struct vectors vectors;

	run_to_filled(&vectors);
	run_to_stored(&vectors);
	for_each(&vectors, was_stored);
	session_end(&vectors.session);
}
END_TEST

/* ---- In a core file ------------------------------------------------------ */

START_TEST(a_core_file_has_them)
{
	struct vectors vectors, reader;
	char path[] = "/tmp/mt-core-XXXXXX";

	run_to_filled(&vectors);
	close(mkstemp(path));
	MT_CK_OK(mt_debug_write_core(vectors.session.debug, path));
	reader = vectors;
	session_create(&reader.session);
	MT_CK_OK(mt_debug_core(reader.session.debug, path));
	for_each(&reader, reads);
	unlink(path);
	mt_debug_destroy(reader.session.debug);
	unlink(reader.session.output);
	session_end(&vectors.session);
}
END_TEST

MT_UNIT_MAIN("engine: vectors", registers_are_read_as_they_were_loaded,
             registers_are_stored_as_they_were_written, registers_are_stored_as_they_were_loaded,
             a_core_file_has_them)
