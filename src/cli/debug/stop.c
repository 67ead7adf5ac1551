/* SPDX-License-Identifier: MIT */
/* Going on, waiting, and telling why the program stopped. */
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/debug/breaks.h"
#include "cli/debug/locals.h"
#include "cli/debug/script.h"
#include "cli/debug/show.h"
#include "cli/debug/watch.h"
#include "record/json_debug.h"
#include "target/syscall.h"

/* How often it is looked whether a person has given up waiting. */
enum { PATIENCE_MS = 200 };

/* ---- Names ----------------------------------------------------------------- */

/* For tools; the schema lists them. */
static const char *const reasons[] = {
	[MT_STOP_NONE] = "none",
	[MT_STOP_BREAKPOINT] = "breakpoint",
	[MT_STOP_STEPPED] = "stepped",
	[MT_STOP_FINISHED] = "finished",
	[MT_STOP_SIGNAL] = "signal",
	[MT_STOP_INTERRUPTED] = "interrupted",
	[MT_STOP_EXITED] = "exited",
	[MT_STOP_KILLED] = "killed",
	[MT_STOP_SYSCALL_ENTRY] = "syscall-entry",
	[MT_STOP_SYSCALL_RETURN] = "syscall-return",
	[MT_STOP_FORK] = "fork",
	[MT_STOP_VFORK] = "vfork",
	[MT_STOP_EXEC] = "exec",
	[MT_STOP_LOAD] = "load",
	[MT_STOP_CAUGHT] = "caught-signal",
	[MT_STOP_WATCH] = "watchpoint",
	[MT_STOP_SCOPE] = "watchpoint-scope",
	[MT_STOP_ATTACHED] = "attached",
	[MT_STOP_LAUNCHED] = "launched",
};

static const char *const notice_names[] = {
	[MT_NOTICE_THREAD_NEW] = "thread-new",
	[MT_NOTICE_THREAD_GONE] = "thread-gone",
	[MT_NOTICE_PROCESS_NEW] = "process-new",
	[MT_NOTICE_PROCESS_GONE] = "process-gone",
	[MT_NOTICE_EXEC] = "exec",
	[MT_NOTICE_LIBRARY] = "library",
	[MT_NOTICE_BREAKPOINT] = "breakpoint",
	[MT_NOTICE_SCOPE] = "watchpoint-scope",
	[MT_NOTICE_SIGNAL] = "signal",
	[MT_NOTICE_WARNING] = "warning",
	[MT_NOTICE_STEPPING] = "stepping",
	[MT_NOTICE_PROGRESS] = "progress",
};

static bool has_ended(const struct mt_stop *stop)
{
	return stop->kind == MT_STOP_EXITED || stop->kind == MT_STOP_KILLED;
}

/* ---- The reason, as a line ------------------------------------------------- */

/* Others than the processor may have sent it; then, or where the processor does not know
 * (SI_KERNEL), it has no address. */
void mt_stop_say_address(struct mt_shell *shell, const struct mt_stop *stop)
{
	const siginfo_t *info = &stop->siginfo;

	if ((stop->signal == SIGSEGV || stop->signal == SIGBUS) && info->si_code > SI_USER &&
	    info->si_code < SI_KERNEL)
		mt_say(shell, "The address was 0x%" PRIxPTR ".\n", (uintptr_t)info->si_addr);
}

static void say_signal(struct mt_shell *shell, const struct mt_stop *stop, const char *what)
{
	mt_say(shell, "\n%s %s, %s.\n", what, mt_signal_name(stop->signal),
	       strsignal(stop->signal));
	if (stop->signal_note)
		mt_say(shell, "It is %s.\n", stop->signal_note);
	else
		mt_stop_say_address(shell, stop);
}

/* ".2": which of several places of the breakpoint it was. */
static void say_which_place(struct mt_shell *shell, const struct mt_break_info *info, uint64_t pc)
{
	for (size_t i = 0; info->place_count > 1 && i < info->place_count; i++)
		if (info->places[i].addr == pc)
			mt_say(shell, ".%zu", i + 1);
}

/* "Thread 2 "worker" hit Breakpoint 1, ", and all that were hit at once. */
static void say_numbers(struct mt_shell *shell, const struct mt_stop *stop, const char *kind)
{
	struct mt_break_list list MT_CLEANUP(mt_break_list_deinit) = { 0 };
	struct mt_error *error = mt_breaks_list(shell, &list);
	struct mt_thread_info thread;

	mt_error_free(error); /* without memory, all count as temporary */
	mt_say(shell, "\n");
	if (mt_debug_threads(shell->debug, NULL, 0) > 1 && mt_current_thread(shell, &thread))
		mt_say(shell, "Thread %d \"%s\" hit ", thread.number, thread.name);
	for (size_t i = 0; i < stop->number_count; i++) {
		const struct mt_break_info *info = mt_break_list_find(&list, stop->numbers[i]);

		/* A temporary one has gone with its hit. */
		mt_say(shell, "%s%s %d", i ? " and " : "",
		       info && !info->temporary ? kind : "Temporary breakpoint", stop->numbers[i]);
		if (info)
			say_which_place(shell, info, stop->pc);
	}
}

/* The process as the list of them has it; number 1 and nothing more when it has left that list. */
static struct mt_process_info process_of(struct mt_shell *shell, pid_t pid)
{
	enum { MANY = 64 };
	struct mt_process_info infos[MANY];
	size_t count = mt_debug_processes(shell->debug, infos, MANY);

	for (size_t i = 0; i < count && i < MANY; i++)
		if (infos[i].pid == pid)
			return infos[i];
	return (struct mt_process_info){ .number = 1, .pid = pid };
}

static void say_catch(struct mt_shell *shell, const struct mt_stop *stop)
{
	enum mt_machine machine = mt_shell_machine(shell);

	say_numbers(shell, stop, "Catchpoint");
	switch (stop->kind) {
	case MT_STOP_SYSCALL_ENTRY:
		mt_say(shell, " (call to syscall %s), ", mt_syscall_name(machine, stop->syscall));
		break;
	case MT_STOP_SYSCALL_RETURN:
		mt_say(shell, " (returned from syscall %s), ",
		       mt_syscall_name(machine, stop->syscall));
		break;
	case MT_STOP_FORK:
	case MT_STOP_VFORK:
		mt_say(shell, " (%sforked process %d), ", stop->kind == MT_STOP_VFORK ? "v" : "",
		       (int)stop->child);
		break;
	case MT_STOP_EXEC:
		mt_say(shell, " (exec'd %s), ", process_of(shell, stop->pid).program);
		break;
	case MT_STOP_CAUGHT:
		mt_say(shell, " (signal %s), ", mt_signal_name(stop->signal));
		break;
	default:
		mt_say(shell, " (libraries came or went), ");
		break;
	}
}

static void say_end(struct mt_shell *shell, const struct mt_stop *stop)
{
	int number = stop->process;

	if (stop->kind == MT_STOP_KILLED)
		mt_say(shell,
		       "\nProgram terminated with signal %s, %s.\n"
		       "The program no longer exists.\n",
		       mt_signal_name(stop->signal), strsignal(stop->signal));
	else if (stop->status) /* in octal: gdb's way, which scripts know */
		mt_say(shell, "[Inferior %d (process %d) exited with code %02o]\n", number,
		       (int)stop->pid, (unsigned)stop->status);
	else
		mt_say(shell, "[Inferior %d (process %d) exited normally]\n", number,
		       (int)stop->pid);
}

static void say_reason(struct mt_shell *shell, const struct mt_stop *stop)
{
	switch (stop->kind) {
	case MT_STOP_BREAKPOINT:
		say_numbers(shell, stop, "Breakpoint");
		mt_say(shell, ", ");
		break;
	case MT_STOP_WATCH:
		mt_watch_say_hits(shell, stop);
		break;
	case MT_STOP_SCOPE:
		mt_watch_say_ended(shell, stop);
		break;
	case MT_STOP_SIGNAL:
		say_signal(shell, stop, "Program received signal");
		break;
	case MT_STOP_INTERRUPTED:
		mt_say(shell, "\nThe program was interrupted.\n");
		break;
	case MT_STOP_EXITED:
	case MT_STOP_KILLED:
		say_end(shell, stop);
		break;
	case MT_STOP_SYSCALL_ENTRY:
	case MT_STOP_SYSCALL_RETURN:
	case MT_STOP_FORK:
	case MT_STOP_VFORK:
	case MT_STOP_EXEC:
	case MT_STOP_CAUGHT:
	case MT_STOP_LOAD:
		say_catch(shell, stop);
		break;
	default:
		break;
	}
}

/* ---- The whole stop -------------------------------------------------------- */

/* What was returned, where the function's type is known. */
static void say_returned(struct mt_shell *shell)
{
	const struct mt_type *type = shell->returning;
	struct mt_error *error = type ? mt_result_say(shell, type) : NULL;

	shell->returning = NULL;
	if (error)
		mt_say(shell, "What was returned can't be told: %s\n", mt_error_text(error));
	mt_error_free(error);
}

/* A step within one activation of a function shows its line alone. */
static bool is_same_frame(struct mt_shell *shell, const struct mt_frame *frame)
{
	bool same =
	    shell->shown_frame.cfa == frame->cfa && shell->shown_frame.function == frame->function;

	shell->shown_frame.cfa = frame->cfa;
	shell->shown_frame.function = frame->function;
	return same;
}

static void show_place(struct mt_shell *shell, const struct mt_stop *stop)
{
	struct mt_frame frame;
	struct mt_error *error = mt_shell_frame(shell, &frame);
	bool alone;

	if (error) {
		mt_say(shell, "%s\n", mt_error_text(error));
		mt_error_free(error);
		return;
	}
	alone = is_same_frame(shell, &frame) && stop->kind == MT_STOP_STEPPED && frame.has_line;
	if (!alone)
		mt_frame_show(shell, &frame, false);
	mt_view_show(shell, &frame, alone);
}

static void show_text(struct mt_shell *shell, const struct mt_stop *stop, pid_t tid_before)
{
	struct mt_thread_info thread;

	if (has_ended(stop)) {
		say_reason(shell, stop);
		return;
	}
	if (tid_before && tid_before != stop->tid && mt_current_thread(shell, &thread))
		mt_say(shell, "[Switching to thread %d \"%s\" (tid %d)]\n", thread.number,
		       thread.name, (int)thread.tid);
	say_reason(shell, stop);
	show_place(shell, stop);
	if (stop->kind == MT_STOP_FINISHED)
		say_returned(shell);
	mt_displays_show(shell);
}

static void show_json(struct mt_shell *shell, const struct mt_stop *stop)
{
	struct mt_buf line MT_AUTO_BUF = { 0 };
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	struct mt_json_watch watches[MT_STOP_MAX_NUMBERS];
	struct mt_frame frame = { 0 };
	struct mt_json_stop json = {
		.reason = reasons[stop->kind],
		.pid = stop->pid,
		.tid = stop->tid,
		.numbers = stop->numbers,
		.number_count = stop->number_count,
		.signal = stop->signal ? mt_signal_name(stop->signal) : NULL,
		.status = stop->kind == MT_STOP_EXITED ? stop->status : -1,
		.child = stop->child,
		.pc = stop->pc,
	};

	json.watches = watches;
	json.watch_count = mt_watch_json(shell, stop, &arena, watches, MT_STOP_MAX_NUMBERS);
	if (stop->kind == MT_STOP_SYSCALL_ENTRY || stop->kind == MT_STOP_SYSCALL_RETURN)
		json.syscall = mt_syscall_name(mt_shell_machine(shell), stop->syscall);
	if (!has_ended(stop)) {
		json.thread = mt_debug_thread_number(shell->debug);
		mt_error_free(mt_shell_frame(shell, &frame));
		json.function = frame.function;
		json.offset = frame.offset;
		json.file = frame.has_line ? frame.line.file : NULL;
		json.line = frame.line.line;
		json.module = frame.module ? frame.module->name : NULL;
	}
	mt_json_debug_stop(&line, &json);
	fputs(line.len ? line.data : "", stdout);
	fflush(stdout);
}

/* As a shell has it. */
static int status_of(const struct mt_stop *stop)
{
	return stop->kind == MT_STOP_KILLED ? 128 + stop->signal : stop->status;
}

static void set_number(struct mt_shell *shell, const char *name, int number)
{
	/* Without memory it keeps the old one. */
	mt_error_free(mt_values_set_integer(shell, name, number));
}

void mt_shell_note_current(struct mt_shell *shell)
{
	int thread = mt_debug_thread_number(shell->debug);
	int process = process_of(shell, mt_debug_pid(shell->debug)).number;

	if (thread != shell->noted.thread)
		set_number(shell, "_thread", thread);
	if (process != shell->noted.process)
		set_number(shell, "_inferior", process);
	shell->noted.thread = thread;
	shell->noted.process = process;
}

/* It looks at the stop before it is shown, as gdb's does. */
static void do_stop_hook(struct mt_shell *shell, const struct mt_stop *stop)
{
	bool in_commands = shell->in_commands;
	struct mt_error *error;

	if (has_ended(stop))
		return;
	shell->in_commands = true; /* those of the breakpoint come behind it */
	error = mt_script_hook(shell, "hook", "stop");
	shell->in_commands = in_commands;
	if (error)
		mt_shell_complain(shell, error);
}

void mt_stop_show(struct mt_shell *shell, const struct mt_stop *stop)
{
	pid_t tid_before = shell->stop.tid;

	shell->stop = *stop;
	shell->stop_count++;
	shell->away = false;
	shell->silent = mt_script_is_silent(shell, stop);
	if (has_ended(stop)) {
		shell->exit_status = status_of(stop);
		set_number(shell, "_exitcode", shell->exit_status);
		shell->stop.tid = 0;
	}
	mt_shell_note_current(shell);
	mt_shell_flush(shell);
	do_stop_hook(shell, stop);
	shell->has_stop = true;
	if (shell->options.json)
		show_json(shell, stop);
	else if (!shell->silent)
		show_text(shell, stop, tid_before);
	mt_shell_flush(shell);
}

/* ---- Notices --------------------------------------------------------------- */

static bool is_expected(const struct mt_shell *shell, int number)
{
	for (size_t i = 0; i < shell->expected.len; i++)
		if (shell->expected.data[i] == number)
			return true;
	return false;
}

static bool is_wanted(const struct mt_shell *shell, const struct mt_notice *notice)
{
	switch (notice->kind) {
	case MT_NOTICE_THREAD_NEW:
	case MT_NOTICE_THREAD_GONE:
		return shell->settings.thread_events;
	case MT_NOTICE_PROCESS_NEW:
		return shell->settings.process_events;
	case MT_NOTICE_PROCESS_GONE: /* the end of the current one is a stop, and told as such */
		return shell->settings.process_events && notice->pid != shell->stop.pid;
	case MT_NOTICE_BREAKPOINT:
		return !is_expected(shell, notice->number);
	case MT_NOTICE_STEPPING:
	case MT_NOTICE_PROGRESS:
		return shell->terminal;
	case MT_NOTICE_LIBRARY: /* there are hundreds; info sharedlibrary lists them */
		return false;
	default:
		return true;
	}
}

static void say_notice(struct mt_shell *shell, const struct mt_notice *notice)
{
	const char *text = notice->text ? notice->text : "";

	if (!is_wanted(shell, notice))
		return;
	switch (notice->kind) {
	case MT_NOTICE_THREAD_NEW:
		mt_say(shell, "[New thread %d]\n", (int)notice->tid);
		break;
	case MT_NOTICE_THREAD_GONE:
		mt_say(shell, "[Thread %d has ended]\n", (int)notice->tid);
		break;
	case MT_NOTICE_PROCESS_NEW:
		mt_say(shell, "[New process %d%s%s]\n", (int)notice->pid, *text ? ": " : "", text);
		break;
	case MT_NOTICE_PROCESS_GONE:
		mt_say(shell, "[Process %d has ended]\n", (int)notice->pid);
		break;
	case MT_NOTICE_EXEC:
		mt_say(shell, "process %d is executing new program: %s\n", (int)notice->pid, text);
		break;
	case MT_NOTICE_BREAKPOINT:
		mt_say(shell, "[Breakpoint %d: %s]\n", notice->number, text);
		break;
	case MT_NOTICE_SCOPE:
		mt_watch_say_end(shell, notice->number);
		break;
	case MT_NOTICE_SIGNAL:
		mt_say(shell, "\nProgram received signal %s, %s.\n", mt_signal_name(notice->signal),
		       strsignal(notice->signal));
		break;
	case MT_NOTICE_WARNING:
		mt_say(shell, "warning: %s\n", text);
		break;
	case MT_NOTICE_STEPPING:
		mt_say(shell, "[%s]\n", text);
		break;
	case MT_NOTICE_PROGRESS:
		mt_say(shell, "Reading symbols of %s...\n", text);
		break;
	case MT_NOTICE_LIBRARY:
		break;
	}
}

void mt_shell_notice(const struct mt_notice *notice, void *arg)
{
	struct mt_shell *shell = arg;
	struct mt_json_debug_notice json = {
		.kind = notice_names[notice->kind],
		.pid = notice->pid,
		.tid = notice->tid,
		.number = notice->number,
		.signal = notice->signal ? mt_signal_name(notice->signal) : NULL,
		.text = notice->text,
	};

	if (notice->kind == MT_NOTICE_EXEC)
		mt_shell_forget_image(shell);
	if (!shell->options.json) {
		say_notice(shell, notice);
	} else {
		struct mt_buf line MT_AUTO_BUF = { 0 };

		mt_json_debug_notice(&line, &json);
		fputs(line.len ? line.data : "", stdout);
	}
	mt_shell_flush(shell);
}

/* ---- Going on -------------------------------------------------------------- */

struct mt_error *mt_shell_wait(struct mt_shell *shell)
{
	struct mt_stop stop = { .kind = MT_STOP_NONE };
	unsigned interrupts = mt_shell_interrupts(), typed = 0;

	mt_debug_typed_interrupts(shell->debug); /* those before are done with */
	/* Ctrl-C between the command and here is meant for what runs now. */
	if (interrupts)
		mt_debug_interrupt(shell->debug);
	while (stop.kind == MT_STOP_NONE) {
		MT_TRY(mt_debug_wait(shell->debug, PATIENCE_MS, &stop));
		interrupts += mt_shell_interrupts();
		typed += mt_debug_typed_interrupts(shell->debug);
		if (stop.kind == MT_STOP_NONE && typed >= 2) {
			mt_debug_interrupt(shell->debug);
			typed = 0;
		}
		if (stop.kind == MT_STOP_NONE && interrupts >= 2) {
			shell->away = true;
			mt_say(shell, "\nThe program does not stop, and goes on. 'wait' waits for "
			              "it again, 'kill' and 'detach' end this.\n");
			return NULL;
		}
	}
	if (has_ended(&stop))
		mt_shell_forget_image(shell);
	mt_stop_show(shell, &stop);
	return NULL;
}

struct mt_error *mt_shell_go(struct mt_shell *shell, const struct mt_go *go)
{
	if (shell->hooked && !strcmp(shell->hooked, "stop"))
		return mt_error_new(MT_ERR_USAGE,
		                    "hook-stop looks at a stop: it cannot let the program go on");
	mt_shell_flush(shell);
	MT_TRY(mt_debug_go(shell->debug, go));
	return mt_shell_wait(shell);
}
