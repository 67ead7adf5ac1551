/* SPDX-License-Identifier: MIT */
/* Memory: x, find, dump. */
#include "cli/debug/memory.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "cli/debug/show.h"

/* ---- x --------------------------------------------------------------------- */

static size_t size_of(const struct mt_shell *shell, const struct mt_format *format)
{
	switch (format->size) {
	case 'b':
		return 1;
	case 'h':
		return 2;
	case 'g':
		return 8;
	default:
		return 4;
	}
}

/* Letters have sizes of their own: c a byte, a a pointer, f a float or a double. */
static void settle_size(struct mt_shell *shell, const struct mt_format *asked,
                        struct mt_format *format)
{
	if (asked->size)
		return;
	if (format->letter == 'a')
		format->size = mt_shell_machine(shell) == MT_MACHINE_I386 ? 'w' : 'g';
	else if (format->letter == 'c' && asked->letter)
		format->size = 'b';
	else if (format->letter == 'f' && format->size != 'w')
		format->size = 'g';
}

/* What was not said is as it was the last time; the count is 1. */
static struct mt_format settle_format(struct mt_shell *shell, const struct mt_format *asked)
{
	const struct mt_format *last = &shell->examined.format;
	struct mt_format format = *asked;

	if (!format.letter)
		format.letter = last->letter ? last->letter : 'x';
	if (!format.size)
		format.size = last->size ? last->size : 'w';
	settle_size(shell, asked, &format);
	if (!format.has_count)
		format.count = 1;
	return format;
}

static size_t per_line(char letter, size_t size)
{
	if (letter == 'a' || letter == 'f')
		return size == 8 ? 2 : 4;
	if (letter == 't')
		return size == 1 ? 8 : size == 2 ? 8 : size == 4 ? 2 : 1;
	return size == 8 ? 2 : size == 4 ? 4 : 8;
}

static void say_address(struct mt_shell *shell, uint64_t addr)
{
	mt_say(shell, "%s0x%" PRIx64 "%s", mt_paint(shell, MT_PAINT_ADDRESS), addr,
	       mt_paint(shell, MT_PAINT_NONE));
	mt_symbol_show(shell, addr, &shell->out);
	mt_say(shell, ":");
}

static struct mt_error *examine_numbers(struct mt_shell *shell, uint64_t *addr,
                                        const struct mt_format *format)
{
	size_t size = size_of(shell, format), line = per_line(format->letter, size);
	bool pad = format->letter == 'x' || format->letter == 't' || format->letter == 'z';
	uint8_t bytes[8];

	for (int64_t i = 0; i < format->count; i++) {
		if ((size_t)i % line == 0) {
			if (i)
				mt_say(shell, "\n");
			say_address(shell, *addr);
		}
		MT_TRY(mt_shell_read_memory(shell, *addr, bytes, size));
		mt_say(shell, "\t");
		mt_number_show(shell, format->letter, bytes, size, pad, &shell->out);
		*addr += size;
	}
	mt_say(shell, "\n");
	return NULL;
}

static struct mt_error *examine_strings(struct mt_shell *shell, uint64_t *addr,
                                        const struct mt_format *format)
{
	for (int64_t i = 0; i < format->count; i++) {
		struct mt_buf text MT_AUTO_BUF = { 0 };
		uint64_t next;

		MT_TRY(mt_string_show(shell, *addr, shell->settings.print.elements, &text, &next));
		say_address(shell, *addr);
		mt_say(shell, "\t%s\n", text.data ? text.data : "");
		*addr = next;
	}
	return NULL;
}

static struct mt_error *examine_code(struct mt_shell *shell, uint64_t *addr,
                                     const struct mt_format *format)
{
	struct mt_frame frame;
	struct mt_error *error = mt_shell_frame(shell, &frame);
	uint64_t pc = error ? 0 : frame.pc;

	mt_error_free(error);
	for (int64_t i = 0; i < format->count; i++) {
		struct mt_insn insn;

		MT_TRY(mt_insn_read(shell, *addr, &insn));
		mt_insn_show(shell, &insn, pc);
		mt_say(shell, "\n");
		*addr += insn.len;
	}
	return NULL;
}

/* gdb's $_: the address that was shown last. */
static struct mt_error *keep_address(struct mt_shell *shell, uint64_t addr)
{
	return mt_values_set_address(shell, "_", addr, mt_type_base("int"));
}

struct mt_error *mt_examine(struct mt_shell *shell, uint64_t addr, const struct mt_format *asked)
{
	struct mt_format format = settle_format(shell, asked);
	struct mt_error *error;

	if (format.count < 0) {
		size_t size = size_of(shell, &format);

		if (format.letter == 's' || format.letter == 'i')
			return mt_error_new(MT_ERR_USAGE,
			                    "x goes backwards over numbers only: where "
			                    "instructions and strings begin is not "
			                    "known there");
		format.count = -format.count;
		addr -= (uint64_t)format.count * size;
	}
	MT_TRY(keep_address(shell, addr));
	if (format.letter == 's')
		error = examine_strings(shell, &addr, &format);
	else if (format.letter == 'i')
		error = examine_code(shell, &addr, &format);
	else
		error = examine_numbers(shell, &addr, &format);
	if (error && shell->out.len && shell->out.data[shell->out.len - 1] != '\n')
		mt_say(shell, "\n");
	shell->examined.addr = addr;
	shell->examined.format = format;
	return error;
}

static struct mt_error *examine(struct mt_shell *shell, const char *args)
{
	struct mt_format format;
	uint64_t addr = shell->examined.addr;

	MT_TRY(mt_format_parse(&args, "x", &format));
	if (*args)
		MT_TRY(mt_eval_address(shell, args, &addr));
	return mt_examine(shell, addr, &format);
}

/* ---- find ------------------------------------------------------------------ */

enum { PATTERN_MAX = 4096, FIND_CHUNK = 1 << 20 };

struct search {
	uint64_t start, end; /* one past the last byte */
	char size;           /* of numbers; 0: by their type */
	uint64_t most;       /* finds */
	uint8_t pattern[PATTERN_MAX];
	size_t len;
};

static struct mt_error *add_bytes(struct search *search, const void *bytes, size_t len)
{
	if (len > sizeof(search->pattern) - search->len)
		return mt_error_new(MT_ERR_USAGE, "what is looked for is too long");
	memcpy(search->pattern + search->len, bytes, len);
	search->len += len;
	return NULL;
}

static struct mt_error *add_text(struct search *search, const char *text)
{
	struct mt_buf plain MT_AUTO_BUF = { 0 };
	size_t len = strlen(text);

	if (len < 2 || text[len - 1] != '"')
		return mt_error_new(MT_ERR_USAGE, "a quote without its mate: %.40s", text);
	mt_text_unescape(&plain, text + 1, len - 2);
	return plain.len ? add_bytes(search, plain.data, plain.len) : NULL;
}

static struct mt_error *add_number(struct mt_shell *shell, struct search *search, const char *text)
{
	struct mt_format format = { .size = search->size };
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	struct mt_debug_world made;
	struct mt_number number;
	struct mt_value value;

	MT_TRY(mt_eval(shell, text, &arena, &value));
	mt_shell_world(shell, &made);
	MT_TRY(mt_value_number(&made.world, &value, &number));
	if (search->size && !number.is_float)
		return add_bytes(search, &number.bits, size_of(shell, &format));
	MT_TRY(mt_value_fetch(&made.world, &arena, &value));
	return add_bytes(search, value.bytes, (size_t)value.type->size);
}

/* The piece of `text` before the next comma; *text goes past it, and is NULL after the last. */
static char *take_piece(const char **text)
{
	const char *comma = mt_text_outside(*text, ',');
	char *piece MT_AUTO_FREE =
	    comma ? mt_strndup(*text, (size_t)(comma - *text)) : mt_strdup(*text);

	*text = comma ? mt_text_skip(comma + 1) : NULL;
	return piece ? mt_text_trimmed(piece) : NULL;
}

static struct mt_error *take_end(struct mt_shell *shell, const char *piece, struct search *search)
{
	int64_t len;

	if (*piece != '+') {
		MT_TRY(mt_eval_address(shell, piece, &search->end));
		search->end += search->end != UINT64_MAX;
		return NULL;
	}
	MT_TRY(mt_eval_integer(shell, piece + 1, &len));
	search->end = search->start + (uint64_t)len;
	return NULL;
}

static struct mt_error *parse_search(struct mt_shell *shell, const char *args,
                                     struct search *search)
{
	struct mt_format format;

	MT_TRY(mt_format_parse(&args, "find", &format));
	search->size = format.size;
	search->most = format.has_count ? (uint64_t)format.count : UINT64_MAX;
	for (unsigned i = 0; args && *args; i++) {
		char *piece MT_AUTO_FREE = take_piece(&args);

		if (!piece)
			return mt_error_nomem();
		if (i == 0)
			MT_TRY(mt_eval_address(shell, piece, &search->start));
		else if (i == 1)
			MT_TRY(take_end(shell, piece, search));
		else
			MT_TRY(*piece == '"' ? add_text(search, piece)
			                     : add_number(shell, search, piece));
	}
	if (!search->len)
		return mt_error_new(MT_ERR_USAGE,
		                    "find takes where to look and for what: find &buffer, "
		                    "+4096, 0x1234, \"text\"");
	if (search->end < search->start || search->end - search->start < search->len)
		return mt_error_new(MT_ERR_USAGE,
		                    "find: the range is smaller than what is looked for");
	return NULL;
}

/* Reads the chunk at `addr`, or as much of it as is mapped. */
static size_t read_chunk(struct mt_shell *shell, uint64_t addr, uint8_t *chunk, size_t len)
{
	while (len) {
		struct mt_error *error = mt_shell_read_memory(shell, addr, chunk, len);

		if (!error)
			return len;
		mt_error_free(error);
		len = len > 4096 ? (len / 2 + 4095) & ~(size_t)4095 : 0;
	}
	return 0;
}

static struct mt_error *run_search(struct mt_shell *shell, const struct search *search,
                                   uint64_t *finds)
{
	uint8_t *chunk MT_AUTO_FREE = mt_alloc(FIND_CHUNK);
	uint64_t addr = search->start;

	if (!chunk)
		return mt_error_nomem();
	while (search->end - addr >= search->len && *finds < search->most &&
	       !mt_shell_interrupts()) {
		uint64_t left = search->end - addr;
		size_t want = left < FIND_CHUNK ? (size_t)left : FIND_CHUNK;
		size_t got = read_chunk(shell, addr, chunk, want);
		const uint8_t *at = chunk, *found;

		while (*finds < search->most && (found = memmem(at, got - (size_t)(at - chunk),
		                                                search->pattern, search->len))) {
			uint64_t place = addr + (uint64_t)(found - chunk);

			mt_say(shell, "0x%" PRIx64, place);
			mt_symbol_show(shell, place, &shell->out);
			mt_say(shell, "\n");
			MT_TRY(keep_address(shell, place));
			++*finds;
			at = found + 1;
		}
		if (got < search->len)
			return mt_error_new(MT_ERR_UNREADABLE,
			                    "there is nothing to read at 0x%" PRIx64 "; %" PRIu64
			                    " found before",
			                    addr + got, *finds);
		/* A find may begin in one chunk and end in the next. */
		addr += got - search->len + 1;
	}
	return NULL;
}

static struct mt_error *find(struct mt_shell *shell, const char *args)
{
	struct search search = { 0 };
	uint64_t finds = 0;

	MT_TRY(parse_search(shell, args, &search));
	MT_TRY(run_search(shell, &search, &finds));
	if (finds)
		mt_say(shell, "%" PRIu64 " pattern%s found.\n", finds, finds == 1 ? "" : "s");
	else
		mt_say(shell, "Pattern not found.\n");
	return mt_values_set_integer(shell, "numfound", (int64_t)finds);
}

/* ---- dump ------------------------------------------------------------------ */

static struct mt_error *write_memory(struct mt_shell *shell, const char *path, uint64_t start,
                                     uint64_t end)
{
	uint8_t *chunk MT_AUTO_FREE = mt_alloc(FIND_CHUNK);
	FILE *file MT_AUTO_FILE = NULL;

	if (!chunk)
		return mt_error_nomem();
	file = fopen(path, "we");
	if (!file)
		return mt_error_sys(errno, "cannot write %s", path);
	while (start < end) {
		size_t len = end - start < FIND_CHUNK ? (size_t)(end - start) : FIND_CHUNK;

		MT_TRY(mt_shell_read_memory(shell, start, chunk, len));
		if (fwrite(chunk, 1, len, file) != len)
			return mt_error_sys(errno, "cannot write %s", path);
		start += len;
	}
	if (fflush(file) != 0)
		return mt_error_sys(errno, "cannot write %s", path);
	return NULL;
}

static struct mt_error *dump_memory(struct mt_shell *shell, const char *args)
{
	char *path MT_AUTO_FREE = mt_strndup(args, mt_text_word(args));
	char *first MT_AUTO_FREE = NULL;
	const char *rest = mt_text_skip(args + mt_text_word(args));
	const char *second = rest + mt_text_word(rest);
	uint64_t start, end;

	if (!path)
		return mt_error_nomem();
	if (!*mt_text_skip(second))
		return mt_error_new(MT_ERR_USAGE,
		                    "dump memory takes a file, where to begin and where "
		                    "to end: dump memory out.bin &table &table+1");
	first = mt_strndup(rest, (size_t)(second - rest));
	if (!first)
		return mt_error_nomem();
	MT_TRY(mt_eval_address(shell, first, &start));
	MT_TRY(mt_eval_address(shell, mt_text_skip(second), &end));
	if (end <= start)
		return mt_error_new(MT_ERR_USAGE, "dump memory: the range ends before it begins");
	return write_memory(shell, path, start, end);
}

static struct mt_error *dump_value(struct mt_shell *shell, const char *args)
{
	char *path MT_AUTO_FREE = mt_strndup(args, mt_text_word(args));
	const char *expression = mt_text_skip(args + mt_text_word(args));
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	struct mt_value value;

	if (!path)
		return mt_error_nomem();
	if (!*expression)
		return mt_error_new(MT_ERR_USAGE, "dump value takes a file and an expression");
	MT_TRY(mt_eval(shell, expression, &arena, &value));
	if (value.home != MT_HOME_MEMORY || value.bit_size)
		return mt_error_new(MT_ERR_USAGE,
		                    "dump value writes what is in memory, and %.60s is not",
		                    expression);
	return write_memory(shell, path, value.addr, value.addr + value.type->size);
}

/* gdb's other formats are none of what is in memory. */
static struct mt_error *dump(struct mt_shell *shell, const char *args)
{
	bool binary = mt_text_take(&args, "binary");

	if (binary && mt_text_take(&args, "memory"))
		return dump_memory(shell, args);
	if (binary && mt_text_take(&args, "value"))
		return dump_value(shell, args);
	return mt_error_new(MT_ERR_USAGE,
	                    "dump is 'dump [binary] memory FILE START END' or 'dump [binary] value "
	                    "FILE EXPRESSION'");
}

static const struct mt_verb verbs[] = {
	{ .name = "x",
	  .run = examine,
	  .usage = "[/COUNT FORMAT SIZE] [ADDRESS]",
	  .summary = "memory at an address; without one, what follows what was shown last",
	  .help = "FORMAT is x d u o t a c f s (text) or i (instructions); SIZE is b h w g: 1, 2, "
	          "4 or\n"
	          "8 bytes. x/8xg $rsp shows eight words of the stack, x/5i $pc what runs next.",
	  .topic = MT_TOPIC_DATA,
	  .completes = MT_COMPLETE_VALUE,
	  .repeat = MT_REPEAT_ON },
	{ .name = "find",
	  .run = find,
	  .usage = "[/SIZE COUNT] START, +LENGTH|END, VALUE...",
	  .summary = "where in memory values or \"text\" are",
	  .help =
	      "Values follow each other in memory. SIZE is b h w g; without it a value has the\n"
	      "size of its type. The last place is kept as $_, how many as $numfound.",
	  .topic = MT_TOPIC_DATA,
	  .completes = MT_COMPLETE_VALUE,
	  .needs = MT_NEEDS_IMAGE },
	{ .name = "dump",
	  .run = dump,
	  .usage = "memory|value ...",
	  .summary = "writes memory to a file",
	  .topic = MT_TOPIC_DATA },
	{ .name = "dump memory",
	  .run = dump_memory,
	  .usage = "FILE START END",
	  .summary = "writes the bytes from START up to END to a file",
	  .topic = MT_TOPIC_DATA,
	  .completes = MT_COMPLETE_FILE,
	  .needs = MT_NEEDS_IMAGE },
	{ .name = "dump value",
	  .run = dump_value,
	  .usage = "FILE EXPRESSION",
	  .summary = "writes the bytes of a variable to a file",
	  .topic = MT_TOPIC_DATA,
	  .completes = MT_COMPLETE_FILE,
	  .needs = MT_NEEDS_IMAGE },
};

MT_VERB_LIST(mt_verbs_memory, verbs);
