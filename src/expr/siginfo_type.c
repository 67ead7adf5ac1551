/* SPDX-License-Identifier: MIT */
#include "expr/siginfo_type.h"

#include <signal.h>

#define MEMBERS(list) .members = (list), .member_count = sizeof(list) / sizeof(*(list))

static const struct mt_type type_void = { .kind = MT_TYPE_VOID, .name = "void" };
static const struct mt_type type_int = {
	.kind = MT_TYPE_INT, .name = "int", .size = 4, .is_signed = true
};
static const struct mt_type type_unsigned = { .kind = MT_TYPE_INT,
	                                      .name = "unsigned int",
	                                      .size = 4 };
static const struct mt_type type_short = {
	.kind = MT_TYPE_INT, .name = "short", .size = 2, .is_signed = true
};
static const struct mt_type type_long = {
	.kind = MT_TYPE_INT, .name = "long", .size = 8, .is_signed = true
};
static const struct mt_type type_pid = {
	.kind = MT_TYPE_INT, .name = "__pid_t", .size = 4, .is_signed = true
};
static const struct mt_type type_uid = { .kind = MT_TYPE_INT, .name = "__uid_t", .size = 4 };
static const struct mt_type type_clock = {
	.kind = MT_TYPE_INT, .name = "__clock_t", .size = 8, .is_signed = true
};
static const struct mt_type pointer = { .kind = MT_TYPE_POINTER, .size = 8, .target = &type_void };
static const struct mt_type pad = {
	.kind = MT_TYPE_ARRAY, .size = 112, .target = &type_int, .count = 28
};

static const struct mt_member sigval_members[] = {
	{ .name = "sival_int", .type = &type_int },
	{ .name = "sival_ptr", .type = &pointer },
};
static const struct mt_type sigval = {
	.kind = MT_TYPE_UNION, .name = "union sigval_t", .size = 8, MEMBERS(sigval_members)
};

static const struct mt_member killed_members[] = {
	{ .name = "si_pid", .type = &type_pid },
	{ .name = "si_uid", .type = &type_uid, .offset = 4 },
};
static const struct mt_member timer_members[] = {
	{ .name = "si_tid", .type = &type_int },
	{ .name = "si_overrun", .type = &type_int, .offset = 4 },
	{ .name = "si_sigval", .type = &sigval, .offset = 8 },
};
static const struct mt_member rt_members[] = {
	{ .name = "si_pid", .type = &type_pid },
	{ .name = "si_uid", .type = &type_uid, .offset = 4 },
	{ .name = "si_sigval", .type = &sigval, .offset = 8 },
};
static const struct mt_member child_members[] = {
	{ .name = "si_pid", .type = &type_pid },
	{ .name = "si_uid", .type = &type_uid, .offset = 4 },
	{ .name = "si_status", .type = &type_int, .offset = 8 },
	{ .name = "si_utime", .type = &type_clock, .offset = 16 },
	{ .name = "si_stime", .type = &type_clock, .offset = 24 },
};
static const struct mt_member bound_members[] = {
	{ .name = "_lower", .type = &pointer },
	{ .name = "_upper", .type = &pointer, .offset = 8 },
};
static const struct mt_type bounds = { .kind = MT_TYPE_STRUCT, .size = 16, MEMBERS(bound_members) };
static const struct mt_member fault_members[] = {
	{ .name = "si_addr", .type = &pointer },
	{ .name = "_addr_lsb", .type = &type_short, .offset = 8 },
	{ .name = "_addr_bnd", .type = &bounds, .offset = 16 },
};
static const struct mt_member polled_members[] = {
	{ .name = "si_band", .type = &type_long },
	{ .name = "si_fd", .type = &type_int, .offset = 8 },
};
static const struct mt_member sys_members[] = {
	{ .name = "_call_addr", .type = &pointer },
	{ .name = "_syscall", .type = &type_int, .offset = 8 },
	{ .name = "_arch", .type = &type_unsigned, .offset = 12 },
};

#define PART(part, bytes)                                                                          \
	static const struct mt_type part = { .kind = MT_TYPE_STRUCT,                               \
		                             .size = (bytes),                                      \
		                             MEMBERS(part##_members) }

PART(killed, 8);
PART(timer, 16);
PART(rt, 16);
PART(child, 32);
PART(fault, 32);
PART(polled, 16);
PART(sys, 16);

static const struct mt_member field_members[] = {
	{ .name = "_pad", .type = &pad },        { .name = "_kill", .type = &killed },
	{ .name = "_timer", .type = &timer },    { .name = "_rt", .type = &rt },
	{ .name = "_sigchld", .type = &child },  { .name = "_sigfault", .type = &fault },
	{ .name = "_sigpoll", .type = &polled }, { .name = "_sigsys", .type = &sys },
};
static const struct mt_type fields = { .kind = MT_TYPE_UNION, .size = 112, MEMBERS(field_members) };

static const struct mt_member members[] = {
	{ .name = "si_signo", .type = &type_int },
	{ .name = "si_errno", .type = &type_int, .offset = 4 },
	{ .name = "si_code", .type = &type_int, .offset = 8 },
	{ .name = "_sifields", .type = &fields, .offset = 16 },
};
static const struct mt_type siginfo = { .kind = MT_TYPE_STRUCT,
	                                .name = "struct siginfo",
	                                .size = sizeof(siginfo_t),
	                                MEMBERS(members) };

const struct mt_type *mt_siginfo_type(void)
{
	return &siginfo;
}
