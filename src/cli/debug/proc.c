/* SPDX-License-Identifier: MIT */
/* What the kernel knows of the process: info proc, info auxv. */
#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "cli/debug/shell.h"

/* ---- Files of /proc/PID ---------------------------------------------------- */

static FILE *open_proc(struct mt_shell *shell, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)mt_debug_pid(shell->debug), name);
	return fopen(path, "re");
}

static struct mt_error *cannot_read(struct mt_shell *shell, const char *name)
{
	return mt_error_sys(errno, "cannot read /proc/%d/%s", (int)mt_debug_pid(shell->debug),
	                    name);
}

static void say_link(struct mt_shell *shell, const char *name)
{
	char path[64], target[4096];
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)mt_debug_pid(shell->debug), name);
	len = readlink(path, target, sizeof(target));
	if (len > 0)
		mt_say(shell, "%s = '%.*s'\n", name, (int)len, target);
}

static void say_command(struct mt_shell *shell)
{
	struct mt_buf text MT_AUTO_BUF = { 0 };
	struct mt_error *error = mt_debug_command_line(shell->debug, &text);

	if (!error && text.len)
		mt_say(shell, "cmdline = '%s'\n", text.data);
	mt_error_free(error);
}

/* Of a core file that is what there is. */
static void say_links(struct mt_shell *shell)
{
	if (mt_debug_state(shell->debug) == MT_PROCESS_CORE)
		return;
	say_link(shell, "cwd");
	say_link(shell, "exe");
}

static struct mt_error *info_proc(struct mt_shell *shell, const char *args)
{
	MT_TRY(mt_text_end(args, "info proc"));
	mt_say(shell, "process %d\n", (int)mt_debug_pid(shell->debug));
	say_command(shell);
	say_links(shell);
	return NULL;
}

/* ---- Mappings -------------------------------------------------------------- */

static void say_mapping(struct mt_shell *shell, const char *line)
{
	uint64_t start, end, offset;
	char permissions[8];
	int name = 0;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %" SCNx64 " %*s %*s %n", &start, &end,
	           permissions, &offset, &name) < 4)
		return;
	mt_say(shell, "0x%016" PRIx64 " 0x%016" PRIx64 " %#10" PRIx64 " %#10" PRIx64 "  %s   %s\n",
	       start, end, end - start, offset, permissions, name ? line + name : "");
}

static struct mt_error *info_mappings(struct mt_shell *shell, const char *args)
{
	struct mt_buf text MT_AUTO_BUF = { 0 };
	char *rest, *line;

	MT_TRY(mt_text_end(args, "info proc mappings"));
	MT_TRY(mt_debug_mappings(shell->debug, &text));
	mt_say(shell, "process %d\n%-18s %-18s %10s %10s  %-6s %s\n",
	       (int)mt_debug_pid(shell->debug), "Start Addr", "End Addr", "Size", "Offset", "Perms",
	       "File");
	rest = text.data;
	while ((line = strsep(&rest, "\n")))
		say_mapping(shell, line);
	return NULL;
}

static struct mt_error *info_status(struct mt_shell *shell, const char *args)
{
	FILE *file MT_AUTO_FILE = open_proc(shell, "status");
	char *line MT_AUTO_FREE = NULL;
	size_t cap = 0;

	MT_TRY(mt_text_end(args, "info proc status"));
	if (!file)
		return cannot_read(shell, "status");
	while (getline(&line, &cap, file) > 0)
		mt_say(shell, "%s", line);
	return NULL;
}

/* ---- The auxiliary vector -------------------------------------------------- */

enum shape { SHAPE_HEX, SHAPE_NUMBER, SHAPE_TEXT };

static const struct {
	uint64_t type;
	const char *name, *what;
	enum shape shape;
} entries[] = {
	{ AT_NULL, "AT_NULL", "End of vector", SHAPE_HEX },
	{ AT_IGNORE, "AT_IGNORE", "Entry should be ignored", SHAPE_HEX },
	{ AT_EXECFD, "AT_EXECFD", "File descriptor of program", SHAPE_NUMBER },
	{ AT_PHDR, "AT_PHDR", "Program headers for program", SHAPE_HEX },
	{ AT_PHENT, "AT_PHENT", "Size of program header entry", SHAPE_NUMBER },
	{ AT_PHNUM, "AT_PHNUM", "Number of program headers", SHAPE_NUMBER },
	{ AT_PAGESZ, "AT_PAGESZ", "System page size", SHAPE_NUMBER },
	{ AT_BASE, "AT_BASE", "Base address of interpreter", SHAPE_HEX },
	{ AT_FLAGS, "AT_FLAGS", "Flags", SHAPE_HEX },
	{ AT_ENTRY, "AT_ENTRY", "Entry point of program", SHAPE_HEX },
	{ AT_UID, "AT_UID", "Real user ID", SHAPE_NUMBER },
	{ AT_EUID, "AT_EUID", "Effective user ID", SHAPE_NUMBER },
	{ AT_GID, "AT_GID", "Real group ID", SHAPE_NUMBER },
	{ AT_EGID, "AT_EGID", "Effective group ID", SHAPE_NUMBER },
	{ AT_CLKTCK, "AT_CLKTCK", "Frequency of times()", SHAPE_NUMBER },
	{ AT_PLATFORM, "AT_PLATFORM", "String identifying platform", SHAPE_TEXT },
	{ AT_HWCAP, "AT_HWCAP", "Machine-dependent CPU capability hints", SHAPE_HEX },
	{ AT_HWCAP2, "AT_HWCAP2", "Extension of AT_HWCAP", SHAPE_HEX },
	{ AT_SECURE, "AT_SECURE", "Boolean, was exec setuid-like?", SHAPE_NUMBER },
	{ AT_RANDOM, "AT_RANDOM", "Address of 16 random bytes", SHAPE_HEX },
	{ AT_EXECFN, "AT_EXECFN", "File name of executable", SHAPE_TEXT },
	{ AT_SYSINFO, "AT_SYSINFO", "Special system info/entry points", SHAPE_HEX },
	{ AT_SYSINFO_EHDR, "AT_SYSINFO_EHDR", "System-supplied DSO's ELF header", SHAPE_HEX },
	{ AT_MINSIGSTKSZ, "AT_MINSIGSTKSZ", "Minimum stack size for signal delivery",
	  SHAPE_NUMBER },
	{ 27, "AT_RSEQ_FEATURE_SIZE", "rseq supported feature size", SHAPE_NUMBER },
	{ 28, "AT_RSEQ_ALIGN", "rseq allocation alignment", SHAPE_NUMBER },
};

static void say_entry(struct mt_shell *shell, uint64_t type, uint64_t value)
{
	const char *name = "???", *what = "";
	enum shape shape = SHAPE_HEX;

	for (size_t i = 0; i < sizeof(entries) / sizeof(*entries); i++) {
		if (entries[i].type != type)
			continue;
		name = entries[i].name;
		what = entries[i].what;
		shape = entries[i].shape;
	}
	mt_say(shell, "%-4" PRIu64 " %-20s %-38s ", type, name, what);
	mt_say(shell, shape == SHAPE_NUMBER ? "%" PRIu64 : "0x%" PRIx64, value);
	if (shape == SHAPE_TEXT) {
		struct mt_buf text MT_AUTO_BUF = { 0 };
		uint64_t next;
		struct mt_error *error =
		    mt_string_show(shell, value, shell->settings.print.elements, &text, &next);

		mt_say(shell, " %s", error || !text.data ? "" : text.data);
		mt_error_free(error);
	}
	mt_say(shell, "\n");
}

static struct mt_error *info_auxv(struct mt_shell *shell, const char *args)
{
	struct mt_buf bytes MT_AUTO_BUF = { 0 };
	size_t word = mt_machine_word(mt_shell_machine(shell));

	MT_TRY(mt_text_end(args, "info auxv"));
	MT_TRY(mt_debug_auxv(shell->debug, &bytes));
	for (size_t at = 0; at + 2 * word <= bytes.len; at += 2 * word) {
		uint64_t type = 0, value = 0;

		memcpy(&type, bytes.data + at, word);
		memcpy(&value, bytes.data + at + word, word);
		say_entry(shell, type, value);
		if (type == AT_NULL)
			break;
	}
	return NULL;
}

#define PROC(verb_name, verb_aliases, function, what_it_needs, text)                               \
	{                                                                                          \
		.name = verb_name, .aliases = verb_aliases, .run = function, .usage = "",          \
		.summary = text, .topic = MT_TOPIC_STATUS, .needs = what_it_needs                  \
	}

static const struct mt_verb verbs[] = {
	PROC("info proc", NULL, info_proc, MT_NEEDS_STATE,
	     "the process: its number, command line and folder"),
	PROC("info proc mappings", "map", info_mappings, MT_NEEDS_STATE,
	     "what is mapped in the process's memory"),
	PROC("info proc status", "stat", info_status, MT_NEEDS_PROCESS,
	     "what the kernel says of the process"),
	PROC("info auxv", NULL, info_auxv, MT_NEEDS_STATE,
	     "the auxiliary vector that the kernel gave the program"),
};

MT_VERB_LIST(mt_verbs_proc, verbs);
