/* SPDX-License-Identifier: MIT */
/*
 * Inside src/engine: places in the program's code and what stands there, from sites and the slots
 * behind them up to breakpoints. Part of engine_private.h, which has the structs.
 */
#ifndef MT_ENGINE_CODE_PRIVATE_H
#define MT_ENGINE_CODE_PRIVATE_H

#include "engine/engine_private.h"

/* ---- site.c -------------------------------------------------------------- */

struct mt_site *mt_site_find(struct mt_proc *proc, uint64_t addr);
/* The site at addr, which may be one where nothing is inserted; NULL without memory. */
struct mt_site *mt_site_make(struct mt_proc *proc, uint64_t addr);
/* One reference more to the site at addr, which is inserted if it is new. */
struct mt_error *mt_site_get(struct mt_proc *proc, uint64_t addr, struct mt_site **site);
void mt_site_put(struct mt_proc *proc, struct mt_site *site);
/* Takes all int3 out, or forgets them because the memory is gone. */
void mt_sites_lift(struct mt_proc *proc, pid_t from);
void mt_sites_forget(struct mt_proc *proc);
void mt_site_lift(struct mt_proc *proc, struct mt_site *site);
void mt_site_lower(struct mt_proc *proc, struct mt_site *site);
/* Puts in a jump to the site's detour, which that filter watches over; NULL: takes it out, for an
 * int3 where every execution is wanted. */
struct mt_error *mt_site_divert(struct mt_proc *proc, struct mt_site *site,
                                struct mt_armed *filter);

/* ---- memory.c ------------------------------------------------------------ */

/* What the process's program is for; x86-64, where there is none yet. */
enum mt_machine mt_proc_machine(struct mt_proc *proc);
struct mt_error *mt_proc_read(struct mt_proc *proc, uint64_t addr, void *out, size_t len);
struct mt_error *mt_proc_write(struct mt_proc *proc, uint64_t addr, const void *bytes, size_t len);
/* As much code as can be read, up to `len` bytes. */
size_t mt_proc_read_some(struct mt_proc *proc, uint64_t addr, void *out, size_t len);
/* The instruction at addr, without our int3. */
bool mt_proc_decode(struct mt_proc *proc, uint64_t addr, struct mt_insn *insn);

/* ---- inject.c ------------------------------------------------------------ */

/* Has the stopped thread carry out a system call; its registers and signals are as before. `number`
 * is x86-64's; in a program for i386 the same call is made by the number that it has there, and
 * only mmap (with offset 0), munmap and getpid can be. False: the thread is in the middle of a call
 * of its own, or is ending. */
bool mt_inject_syscall(struct mt_thread *thread, long number, const uint64_t args[6],
                       int64_t *result);
/* Gives memory back, by a thread of the process that can be made to. */
void mt_inject_munmap(struct mt_proc *proc, uint64_t addr, uint64_t len);

/* ---- slot.c -------------------------------------------------------------- */

/* The slot of the site, made if need be, with a copy of `insn`. False: there can be none. */
bool mt_slot_get(struct mt_thread *thread, struct mt_site *site, const struct mt_insn *insn);
/* Where pc is in a slot, makes registers that were just read what they would be without. */
void mt_slot_translate(struct mt_thread *thread);
/* The instruction of which the one at pc is the copy; pc itself, where it is none. */
uint64_t mt_slot_origin(struct mt_proc *proc, uint64_t pc);
/* Code has changed: slots that were made from it are made anew when they are needed. */
void mt_slots_changed(struct mt_proc *proc, uint64_t addr, size_t len);
void mt_slots_forget(struct mt_proc *proc);
/* Gives the memory back, by a thread that can be made to. */
void mt_slots_release(struct mt_proc *proc);

/* Where nothing is mapped, as near below `near` as can be, and near enough for an operand relative
 * to rip; 0: nowhere. */
uint64_t mt_slot_find_gap(pid_t pid, uint64_t near);
#define MT_SLOT_JUMP_MAX 14
/* Writes a jump to `to`, for code that will lie at `at`; returns how long it is. */
size_t mt_slot_put_jump(uint8_t *code, enum mt_machine machine, uint64_t at, uint64_t to);

/* ---- detour.c ------------------------------------------------------------ */

/* Arms the filter `spec` at its address by a jump in place of the instruction. `spec` has neither
 * file nor offset yet. MT_ERR_UNSUPPORTED: the instruction cannot be replaced. */
struct mt_error *mt_detour_arm(struct mt_proc *proc, const struct mt_watch_spec *spec,
                               struct mt_site **site, struct mt_armed **armed);
/* Takes the jump away; the site's filter is then nobody's. */
void mt_detour_remove(struct mt_proc *proc, struct mt_site *site);
/* Where pc is in a detour, makes registers that were just read what they would be without. */
void mt_detour_translate(struct mt_thread *thread);
/* Whether a thread that really is at `pc` has been let through by no filter yet, but held. */
struct mt_site *mt_detour_held_at(struct mt_proc *proc, uint64_t pc);
/* Whether the thread stands before a jump, which it must not step into. */
bool mt_detour_is_next(struct mt_thread *thread);
void mt_detours_forget(struct mt_proc *proc);
/* Gives the memory back. */
void mt_detours_release(struct mt_proc *proc);

/* ---- hold.c -------------------------------------------------------------- */

/* The signal of the thread's stop is a filter's: it is pending as a hit. */
bool mt_hold_seen(struct mt_thread *thread);
/* A filter's signal still waits for the thread, which has stopped for something else: that is put
 * off, and the thread goes on to its hit. */
bool mt_hold_comes_first(struct mt_thread *thread, const struct mt_event *event);
/* The next of what was put off is pending now. */
bool mt_hold_take_up(struct mt_thread *thread);
/* Sends what was put off again: the thread is let go. */
void mt_hold_give_back(struct mt_thread *thread);

/* ---- leave.c ------------------------------------------------------------- */

enum mt_leave {
	MT_LEAVE_READY, /* the thread stands where it can be resumed */
	MT_LEAVE_DONE,  /* the instruction has been carried out already */
	MT_LEAVE_EVENT, /* it has brought something else: see pending */
	MT_LEAVE_GONE,
};
/* Takes the thread off the site at its pc. */
enum mt_leave mt_leave_site(struct mt_thread *thread, struct mt_site *site);

/* ---- emulate.c ----------------------------------------------------------- */

/* Carries out `insn`, at the thread's pc, in registers and memory, if it is a direct branch, a call
 * or popf. False: it is none, or it can't be done so. */
bool mt_emulate(struct mt_thread *thread, const struct mt_insn *insn);
/* Before a step: whether the instruction was one that is better not stepped, and is done. That is
 * popf, and a direct jump, though never two in a row: signals and interrupts want their turn. */
bool mt_emulate_step(struct mt_thread *thread);

/* ---- break.c, place.c, hit.c, catch.c, hardware.c ------------------------ */

struct mt_break *mt_break_find(struct mt_debug *debug, int number);
/* Gives the breakpoint its places in the process, or takes them all away. */
struct mt_error *mt_break_resolve(struct mt_break *breakpoint, struct mt_proc *proc);
void mt_break_destroy(struct mt_debug *debug, struct mt_break *breakpoint);
/* A location as a text that means the same later: "file.c:12" for "+2". Owned by the caller. */
struct mt_error *mt_location_absolute(struct mt_debug *debug, const char *text, char **absolute);
/* Without a process: whether the program's file has the location. */
struct mt_error *mt_break_check(struct mt_debug *debug, struct mt_break *breakpoint);
/* Whether it stands at places in the code; else it is a catchpoint. */
bool mt_break_is_placed(const struct mt_break *breakpoint);
void mt_break_lift(struct mt_break *breakpoint, struct mt_proc *proc);
/* A condition by what is in scope at `addr`, as a tree; NULL: it takes the evaluator. */
struct mt_cond *mt_break_compile(struct mt_image *image, const char *text, uint64_t addr);
/* All breakpoints, in a new program or after libraries came. */
void mt_breaks_resolve(struct mt_proc *proc);
void mt_breaks_lift(struct mt_proc *proc);
/* Forgets the places without touching memory that is gone. */
void mt_breaks_forget(struct mt_proc *proc);
/* Asks every breakpoint with a place at the thread's pc, where it is by a hit of that kind or by a
 * step; true: stop, `stop` has their numbers. */
bool mt_breaks_hit(struct mt_thread *thread, enum mt_pending_kind kind, struct mt_stop *stop);
/* Whether the breakpoint's thread, condition and ignore count let it stop. Counts. `at` is NULL for
 * a catchpoint. */
bool mt_break_asks(struct mt_break *breakpoint, const struct mt_break_at *at,
                   struct mt_thread *thread);
void mt_stop_add_number(struct mt_stop *stop, int number);
/* Reads a catchpoint's list of names and numbers. */
struct mt_error *mt_catch_parse(struct mt_break *breakpoint, const char *names);
/* Asks the catchpoints of that kind; `what`: a system call or signal. */
bool mt_catch_wants(struct mt_thread *thread, enum mt_break_kind kind, uint64_t what,
                    struct mt_stop *stop);
bool mt_catch_syscalls(const struct mt_debug *debug);
/* Of those that have stopped it, temporary ones are deleted, and others disabled that were enabled
 * for so many stops. */
void mt_breaks_have_stopped(struct mt_debug *debug, const struct mt_stop *stop);
/* Frees those that have gone with what they needed; where nobody holds one. */
void mt_breaks_bury(struct mt_debug *debug);

/* Takes debug registers for the trap, in the mirror of the process, all or none. MT_ERR_NO_REGISTER
 * says who has them. */
struct mt_error *mt_hw_get(struct mt_proc *proc, const struct mt_trap *trap);
void mt_hw_put(struct mt_proc *proc, const struct mt_trap *trap);
/* Registers in a mirror of the process, without the kernel's: for filters, which have theirs from
 * perf. */
struct mt_error *mt_hw_book(struct mt_proc *proc, struct mt_dr_mirror *mirror,
                            const struct mt_trap *trap);
void mt_hw_unbook(struct mt_dr_mirror *mirror, const struct mt_trap *trap);
/* The memory, and with it what the registers were for, is gone. */
void mt_hw_forget(struct mt_proc *proc);
/* Makes the stopped thread's registers what its process's mirror says, if they are not. False: the
 * kernel refuses. */
bool mt_hw_true_up(struct mt_thread *thread);
/* Clears those of a thread that leaves. */
void mt_hw_clear_thread(struct mt_thread *thread);
/* Reads why the thread has got its SIGTRAP, once. */
void mt_hw_note_status(struct mt_thread *thread);
enum mt_hw_report {
	MT_HW_NOTHING, /* no register of ours can have been it */
	MT_HW_CODE,
	MT_HW_DATA,
	MT_HW_UNTOLD, /* the processor says nothing, and one that watches data may have been it */
};
enum mt_hw_report mt_hw_report(const struct mt_thread *thread);
/* Whether what a register has reported of the range was a write. */
enum mt_dr_written mt_hw_written(const struct mt_thread *thread, uint64_t addr, uint64_t len);
/* Whether a debug register stands for that instruction: ptrace's; or a perf event's too. */
bool mt_hw_executes_at(const struct mt_proc *proc, uint64_t addr);
bool mt_debugreg_at(struct mt_proc *proc, uint64_t addr);

/* ---- way.c --------------------------------------------------------------- */

/* What filters in the kernel take. MT_ERR_PERMISSION where there can be none. */
struct mt_error *mt_way_need_probe(struct mt_proc *proc);
/* The thread of that number; 0: any, or it is not there. */
pid_t mt_tid_of(const struct mt_proc *proc, int number);
/* Begins to do the breakpoint's work at the place, in the best way that there is. */
struct mt_error *mt_way_begin(struct mt_break *breakpoint, struct mt_break_at *at);
void mt_way_end(struct mt_break *breakpoint, struct mt_break_at *at);
/* The same where the memory is gone. */
void mt_way_forget(struct mt_break *breakpoint, struct mt_break_at *at);
enum mt_break_way mt_way_of(const struct mt_break *breakpoint, const struct mt_break_at *at);
/* Looks for better ways: something has been given up. */
void mt_ways_improve(struct mt_debug *debug);
/* Frees a debug register that a breakpoint can do without. False: there is none. */
bool mt_ways_make_room(struct mt_proc *proc);
/* "breakpoints 2 and 3 have 2": whose registers are the kernel's; nothing if there are none. */
void mt_ways_name_registers(const struct mt_proc *proc, struct mt_buf *text);
/* Whether the kernel decides at a debug register there. */
bool mt_armed_at(struct mt_proc *proc, uint64_t addr);
/* Jumps that begin from `start` on and before `end` become int3. */
void mt_ways_leave_jumps(struct mt_proc *proc, uint64_t start, uint64_t end);

#endif
