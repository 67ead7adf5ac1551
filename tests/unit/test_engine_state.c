/* SPDX-License-Identifier: MIT */
/* What a stopped process shows: registers, memory, frames; and core files. */
#include <cpuid.h>
#include <stdlib.h>
#include <sys/user.h>

#include "base/cleanup.h"
#include "engine_session.h"
#include "x86/regtable.h"

/* In leaf(), called for the i-th time. */
static void run_to_leaf(struct session *session)
{
	SESSION_START(session, "walk");
	session_break(session, "leaf", NULL);
	ck_assert_int_eq(session_continue(session), MT_STOP_BREAKPOINT);
}

/* ---- Registers ----------------------------------------------------------- */

START_TEST(all_registers_are_read_and_written)
{
	struct session session;
	struct mt_xsave_layout layout;
	size_t checked = 0;

	run_to_leaf(&session);
	mt_xsave_layout_read(&layout);
	for (size_t i = 0; i < mt_register_count(); i++) {
		const struct mt_register *reg = mt_register_at(i);
		uint8_t before[MT_REGISTER_MAX_SIZE], again[MT_REGISTER_MAX_SIZE];

		if (!mt_register_exists(reg, &layout))
			continue;
		MT_CK_OK(mt_debug_reg_read(session.debug, reg->name, before, reg->size));
		MT_CK_OK(mt_debug_reg_write(session.debug, reg->name, before, reg->size));
		MT_CK_OK(mt_debug_reg_read(session.debug, reg->name, again, reg->size));
		ck_assert_msg(!memcmp(before, again, reg->size), "%s changed", reg->name);
		checked++;
	}
	ck_assert_uint_ge(checked, 27 + 40 + 16 + 16);
	session_end(&session);
}
END_TEST

START_TEST(parts_are_parts)
{
	struct session session;
	uint64_t whole = 0x1122334455667788;
	uint32_t half = 0xaabbccdd;
	uint16_t word;
	uint8_t low, high;

	run_to_leaf(&session);
	MT_CK_OK(mt_debug_reg_write(session.debug, "rax", &whole, 8));
	MT_CK_OK(mt_debug_reg_read(session.debug, "ax", &word, 2));
	MT_CK_OK(mt_debug_reg_read(session.debug, "al", &low, 1));
	MT_CK_OK(mt_debug_reg_read(session.debug, "ah", &high, 1));
	ck_assert_uint_eq(word, 0x7788);
	ck_assert_uint_eq(low, 0x88);
	ck_assert_uint_eq(high, 0x77);
	MT_CK_OK(mt_debug_reg_write(session.debug, "ah", &low, 1));
	ck_assert_uint_eq(session_reg(&session, "rax"), 0x1122334455668888);
	MT_CK_OK(mt_debug_reg_write(session.debug, "eax", &half, 4));
	ck_assert_uint_eq(session_reg(&session, "rax"), 0xaabbccdd);
	MT_CK_FAILS(mt_debug_reg_read(session.debug, "nothing", &word, 2), MT_ERR_NOT_FOUND,
	            "no register");
	session_end(&session);
}
END_TEST

/* Vectors written here are what the other names of them show. */
START_TEST(vectors_overlap)
{
	struct session session;
	struct mt_xsave_layout layout;
	uint8_t value[64], read[64];

	for (size_t i = 0; i < sizeof(value); i++)
		value[i] = (uint8_t)(i * 7 + 1);
	run_to_leaf(&session);
	mt_xsave_layout_read(&layout);
	MT_CK_OK(mt_debug_reg_write(session.debug, "xmm3", value, 16));
	MT_CK_OK(mt_debug_reg_read(session.debug, "xmm3", read, 16));
	ck_assert(!memcmp(value, read, 16));
	if (mt_register_exists(mt_register_find("ymm3"), &layout)) {
		MT_CK_OK(mt_debug_reg_write(session.debug, "ymm3", value + 32, 32));
		MT_CK_OK(mt_debug_reg_read(session.debug, "xmm3", read, 16));
		ck_assert(!memcmp(value + 32, read, 16));
	}
	if (mt_register_exists(mt_register_find("zmm20"), &layout)) {
		MT_CK_OK(mt_debug_reg_write(session.debug, "zmm20", value, 64));
		MT_CK_OK(mt_debug_reg_read(session.debug, "ymm20", read, 32));
		ck_assert(!memcmp(value, read, 32));
	}
	session_end(&session);
}
END_TEST

/* ---- Memory -------------------------------------------------------------- */

START_TEST(memory_shows_no_int3)
{
	struct session session;
	uint64_t main_pc;
	uint8_t before[64], after[64], nop = 0x90;
	int number;

	SESSION_START(&session, "walk");
	number = session_break(&session, "main", NULL);
	ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
	main_pc = session.stop.pc;
	MT_CK_OK(mt_debug_read(session.debug, main_pc, before, sizeof(before)));
	ck_assert_uint_ne(before[0], 0xcc);
	session_break(&session, "leaf", NULL);
	MT_CK_OK(mt_debug_read(session.debug, main_pc, after, sizeof(after)));
	ck_assert(!memcmp(before, after, sizeof(before)));
	/* A write under the int3 is what is there when the int3 goes. */
	MT_CK_OK(mt_debug_write(session.debug, session.stop.pc, &nop, 1));
	MT_CK_OK(mt_debug_break_delete(session.debug, number));
	MT_CK_OK(mt_debug_read(session.debug, session.stop.pc, after, 1));
	ck_assert_uint_eq(after[0], nop);
	session_end(&session);
}
END_TEST

START_TEST(memory_is_written)
{
	struct session session;
	uint64_t greeting;
	char text[6] = { 0 };

	run_to_leaf(&session);
	greeting = session_address(&session, "greeting");
	MT_CK_OK(mt_debug_read(session.debug, greeting, text, 6));
	ck_assert_str_eq(text, "hello");
	MT_CK_OK(mt_debug_write(session.debug, greeting, "HELLO", 6));
	MT_CK_OK(mt_debug_read(session.debug, greeting, text, 6));
	ck_assert_str_eq(text, "HELLO");
	MT_CK_FAILS(mt_debug_read(session.debug, 16, text, 6), MT_ERR_UNREADABLE, "0x10");
	session_end(&session);
}
END_TEST

/* ---- Frames -------------------------------------------------------------- */

START_TEST(frames_have_their_registers)
{
	struct session session;
	struct mt_frame frames[64];
	size_t count;

	SESSION_START(&session, "walk");
	session_break(&session, "leaf", NULL);
	for (int i = 0; i < 11; i++)
		ck_assert_int_eq(session_continue(&session), MT_STOP_BREAKPOINT);
	count = mt_debug_frames(session.debug, 0, frames, 64);
	ck_assert_uint_ge(count, 9);
	ck_assert_str_eq(frames[0].function, "leaf");
	ck_assert_str_eq(frames[1].function, "middle");
	for (int i = 2; i < 8; i++)
		ck_assert_str_eq(frames[i].function, "recurse");
	ck_assert_str_eq(frames[8].function, "main");
	ck_assert(frames[8].has_line);
	for (size_t i = 1; i < count; i++) {
		ck_assert_uint_gt(frames[i].cfa, frames[i - 1].cfa);
		/* -O0: rbp is where the ABI has it, 16 below the frame's address. */
		if (i < 8)
			ck_assert_uint_eq(frames[i].regs.r[MT_REG_RBP], frames[i].cfa - 16);
	}
	ck_assert_ptr_null(mt_debug_frames_note(session.debug));
	MT_CK_OK(mt_debug_select_frame(session.debug, 2));
	ck_assert_uint_eq(session_reg(&session, "rip"), frames[2].pc);
	session_end(&session);
}
END_TEST

/* ---- Core files ---------------------------------------------------------- */

START_TEST(a_core_file_says_the_same)
{
	struct session session, reader;
	struct mt_frame live[64], dead[64];
	char path[] = "/tmp/mt-core-XXXXXX";
	uint64_t rsp, total, value, core_value;
	size_t count;

	run_to_leaf(&session);
	close(mkstemp(path));
	MT_CK_OK(mt_debug_write_core(session.debug, path));
	count = mt_debug_frames(session.debug, 0, live, 64);
	rsp = session_reg(&session, "rsp");
	total = session_address(&session, "total");
	MT_CK_OK(mt_debug_read(session.debug, total, &value, 8));

	session_create(&reader);
	MT_CK_OK(mt_debug_core(reader.debug, path));
	ck_assert_int_eq(mt_debug_state(reader.debug), MT_PROCESS_CORE);
	ck_assert_uint_eq(mt_debug_threads(reader.debug, NULL, 0), 1);
	ck_assert_uint_eq(session_reg(&reader, "rsp"), rsp);
	ck_assert_uint_eq(session_address(&reader, "total"), total);
	MT_CK_OK(mt_debug_read(reader.debug, total, &core_value, 8));
	ck_assert_uint_eq(core_value, value);
	ck_assert_uint_eq(mt_debug_frames(reader.debug, 0, dead, 64), count);
	for (size_t i = 0; i < count; i++)
		ck_assert_uint_eq(live[i].pc, dead[i].pc);
	MT_CK_FAILS(mt_debug_go(reader.debug, &(struct mt_go){ .signal = -1 }), MT_ERR_UNSUPPORTED,
	            "core file");
	unlink(path);
	mt_debug_destroy(reader.debug);
	unlink(reader.output);
	session_end(&session);
}
END_TEST

/* gdb is the referee: it must read what we write. */
START_TEST(gdb_reads_the_core_file)
{
	struct session session;
	char path[] = "/tmp/mt-core-XXXXXX", program[PATH_MAX], command[PATH_MAX + 256];
	char output[8192] = { 0 };
	FILE *gdb;

	if (access("/usr/bin/gdb", X_OK))
		return;
	run_to_leaf(&session);
	close(mkstemp(path));
	MT_CK_OK(mt_debug_write_core(session.debug, path));
	engine_path("walk", program);
	snprintf(command, sizeof(command),
	         "gdb -nx -batch -ex bt -ex 'print greeting' -ex 'info threads' %s %s 2>&1",
	         program, path);
	gdb = popen(command, "r");
	ck_assert_uint_gt(fread(output, 1, sizeof(output) - 1, gdb), 0);
	pclose(gdb);
	ck_assert_msg(strstr(output, "leaf (value=0)") && strstr(output, "middle (value=0)") &&
	                  strstr(output, "\"hello\""),
	              "%s", output);
	unlink(path);
	session_end(&session);
}
END_TEST

/* Any bytes are safe: opened or refused, never more. */
START_TEST(damaged_core_files_are_safe)
{
	struct session session;
	char path[] = "/tmp/mt-core-XXXXXX";
	unsigned opened = 0;
	int core;

	run_to_leaf(&session);
	core = mkstemp(path);
	MT_CK_OK(mt_debug_write_core(session.debug, path));
	srand(1);
	for (int i = 0; i < 400; i++) {
		struct mt_frame frames[8];
		struct session reader;
		off_t at = rand() % 8192;
		uint8_t before[4], damage[4] = { (uint8_t)rand(), (uint8_t)rand(), (uint8_t)rand(),
			                         (uint8_t)rand() };
		size_t len = 1 + (size_t)rand() % 4;
		struct mt_error *error;

		ck_assert_int_eq(pread(core, before, len, at), (ssize_t)len);
		ck_assert_int_eq(pwrite(core, damage, len, at), (ssize_t)len);
		session_create(&reader);
		error = mt_debug_core(reader.debug, path);
		if (!error)
			opened += mt_debug_frames(reader.debug, 0, frames, 8) > 0;
		mt_error_free(error);
		mt_debug_destroy(reader.debug);
		unlink(reader.output);
		ck_assert_int_eq(pwrite(core, before, len, at), (ssize_t)len);
	}
	ck_assert_uint_gt(opened, 0);
	close(core);
	unlink(path);
	session_end(&session);
}
END_TEST

MT_UNIT_MAIN("engine: state", all_registers_are_read_and_written, parts_are_parts, vectors_overlap,
             memory_shows_no_int3, memory_is_written, frames_have_their_registers,
             a_core_file_says_the_same, gdb_reads_the_core_file, damaged_core_files_are_safe)
