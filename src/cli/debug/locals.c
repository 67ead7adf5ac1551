/* SPDX-License-Identifier: MIT */
/* The variables of frames: info locals, info args, the arguments in a frame's line; types: ptype
 * and whatis; what a function has returned. */
#include "cli/debug/locals.h"
#include "expr/dynamic.h"

#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/debug/show.h"
#include "engine/call.h"
#include "print/print.h"

/* ---- A frame's variables --------------------------------------------------------- */

/* What expressions see in frame `level`. */
static struct mt_error *world_of_frame(struct mt_shell *shell, unsigned level,
                                       struct mt_debug_world *made)
{
	mt_shell_world(shell, made);
	MT_TRY(mt_debug_where_frame(shell->debug, level, &made->frame, &made->world.scope));
	made->world.frame = &made->frame;
	return NULL;
}

static bool is_wanted(const struct mt_local *local, enum mt_variables which)
{
	return which == MT_VARIABLES_ARGUMENTS ? local->is_parameter : !local->is_parameter;
}

/* A variable's value, or in its place why there is none. */
static void say_value(struct mt_shell *shell, const struct mt_world *world,
                      const struct mt_local *local, const struct mt_print_options *options)
{
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	struct mt_buf text MT_AUTO_BUF = { 0 };
	struct mt_value value;
	struct mt_error *error = mt_value_of_local(world, &arena, local, &value);

	if (!error)
		error = mt_print_top(world, &value, options, &text);
	mt_say(shell, "%s", !error && text.data ? text.data : "");
	if (error)
		mt_say(shell, "<error: %s>", mt_error_text(error));
	mt_error_free(error);
}

struct mt_error *mt_variables_say(struct mt_shell *shell, unsigned level, enum mt_variables which,
                                  unsigned indent)
{
	struct mt_print_options options = mt_shell_print_options(shell, '\0');
	struct mt_locals locals MT_CLEANUP(mt_locals_deinit) = { 0 };
	struct mt_debug_world made;
	bool any = false;

	options.untyped = true;
	MT_TRY(world_of_frame(shell, level, &made));
	MT_TRY(mt_locals_at(made.world.image, made.world.scope.pc, made.world.scope.inline_depth,
	                    &locals));
	for (size_t i = 0; i < locals.len; i++) {
		if (!is_wanted(&locals.data[i], which))
			continue;
		mt_say(shell, "%*s%s = ", (int)indent, "", locals.data[i].name);
		say_value(shell, &made.world, &locals.data[i], &options);
		mt_say(shell, "\n");
		any = true;
	}
	if (!any)
		mt_say(shell, "%*sNo %s.\n", (int)indent, "",
		       which == MT_VARIABLES_LOCALS ? "locals" : "arguments");
	return NULL;
}

static struct mt_error *info_locals(struct mt_shell *shell, const char *args)
{
	MT_TRY(mt_text_end(args, "info locals"));
	return mt_variables_say(shell, mt_debug_frame_level(shell->debug), MT_VARIABLES_LOCALS, 0);
}

static struct mt_error *info_args(struct mt_shell *shell, const char *args)
{
	MT_TRY(mt_text_end(args, "info args"));
	return mt_variables_say(shell, mt_debug_frame_level(shell->debug), MT_VARIABLES_ARGUMENTS,
	                        0);
}

/* ---- A frame's line ----------------------------------------------------------------- */

/* gdb's `set print frame-arguments scalars`: structs, arrays and references to them are "...". */
static bool is_shown(const struct mt_shell *shell, const struct mt_type *type)
{
	if (type->kind == MT_TYPE_POINTER && type->is_reference && type->target)
		type = type->target;
	if (shell->settings.frame_arguments == MT_ARGUMENTS_ALL)
		return true;
	return shell->settings.frame_arguments == MT_ARGUMENTS_SCALARS &&
	       type->kind != MT_TYPE_STRUCT && type->kind != MT_TYPE_UNION &&
	       type->kind != MT_TYPE_ARRAY;
}

/* An argument as it is, or as it was at the call; `text` is empty where it is not looked for. */
struct argument {
	struct mt_value value;
	struct mt_buf text;
	bool is_known; /* all of it */
};

/* As inside of another value: a pointer's type goes without saying. */
static void read_argument(const struct mt_world *world, struct mt_arena *arena,
                          const struct mt_local *local, bool at_entry,
                          const struct mt_print_options *options, struct argument *argument)
{
	struct mt_error *error = at_entry
	                             ? mt_value_at_entry(world, arena, local, &argument->value)
	                             : mt_value_of_local(world, arena, local, &argument->value);

	if (!error && argument->value.type->size)
		error = mt_value_fetch(world, arena, &argument->value);
	argument->is_known = !error && !argument->value.gone;
	if (!error)
		error = mt_print_value(world, &argument->value, options, &argument->text);
	if (error)
		mt_buf_text(&argument->text, at_entry ? "<optimized out>" : "<unavailable>");
	mt_error_free(error);
}

static bool is_same(const struct argument *now, const struct argument *entry)
{
	return now->is_known && entry->is_known && now->value.bytes && entry->value.bytes &&
	       !memcmp(now->value.bytes, entry->value.bytes, (size_t)now->value.type->size);
}

/* What gdb's `set print entry-values` has of the two. */
static void say_both(struct mt_shell *shell, const char *name, const struct argument *now,
                     const struct argument *entry)
{
	enum mt_entry_values how = shell->settings.entry_values;
	bool only_entry = how == MT_ENTRY_ONLY || (how == MT_ENTRY_PREFERRED && entry->is_known);

	if (!now->is_known && entry->is_known)
		only_entry |= how == MT_ENTRY_IF_NEEDED || how == MT_ENTRY_COMPACT;
	if (only_entry)
		mt_say(shell, "%s@entry=%s", name, entry->text.data);
	else if ((how == MT_ENTRY_DEFAULT || how == MT_ENTRY_COMPACT) && is_same(now, entry))
		mt_say(shell, "%s=%s@entry=%s", name, name, now->text.data);
	else if (how == MT_ENTRY_BOTH || (entry->is_known && how != MT_ENTRY_IF_NEEDED))
		mt_say(shell, "%s=%s, %s@entry=%s", name, now->text.data, name, entry->text.data);
	else
		mt_say(shell, "%s=%s", name, now->text.data);
}

static void say_argument(struct mt_shell *shell, const struct mt_world *world,
                         const struct mt_local *local, const struct mt_print_options *options)
{
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	struct argument now = { 0 }, entry = { 0 };

	if (!is_shown(shell, local->type)) {
		mt_say(shell, "%s=...", local->name);
		return;
	}
	read_argument(world, &arena, local, false, options, &now);
	if (shell->settings.entry_values != MT_ENTRY_NO)
		read_argument(world, &arena, local, true, options, &entry);
	if (mt_buf_ok(&now.text) && mt_buf_ok(&entry.text) &&
	    shell->settings.entry_values != MT_ENTRY_NO)
		say_both(shell, local->name, &now, &entry);
	else
		mt_say(shell, "%s=%s", local->name, now.text.data ? now.text.data : "");
	mt_buf_deinit(&now.text);
	mt_buf_deinit(&entry.text);
}

void mt_arguments_say(struct mt_shell *shell, const struct mt_frame *frame)
{
	struct mt_print_options options = mt_shell_print_options(shell, '\0');
	struct mt_locals locals MT_CLEANUP(mt_locals_deinit) = { 0 };
	struct mt_debug_world made;
	const char *separator = "";
	struct mt_error *error;

	options.pretty = options.array = false;
	error = world_of_frame(shell, frame->level, &made);
	if (!error)
		error = mt_locals_at(made.world.image, made.world.scope.pc,
		                     made.world.scope.inline_depth, &locals);
	for (size_t i = 0; !error && i < locals.len; i++) {
		if (!is_wanted(&locals.data[i], MT_VARIABLES_ARGUMENTS))
			continue;
		mt_say(shell, "%s", separator);
		if (shell->settings.frame_arguments == MT_ARGUMENTS_PRESENCE) {
			mt_say(shell, "...");
			break;
		}
		say_argument(shell, &made.world, &locals.data[i], &options);
		separator = ", ";
	}
	mt_error_free(error);
}

/* ---- Types --------------------------------------------------------------------------- */

/* "/o", "/mtr": what gdb's ptype takes. */
static struct mt_error *parse_options(const char **args, unsigned *options)
{
	static const char letters[] = "oxmtr";
	static const unsigned meanings[] = { MT_DEFINE_OFFSETS, MT_DEFINE_HEX, MT_DEFINE_NO_METHODS,
		                             MT_DEFINE_NO_TYPEDEFS, MT_DEFINE_RAW };
	unsigned given = 0;

	MT_TRY(mt_modifiers_parse(args, "ptype", letters, &given));
	*options = 0;
	for (size_t i = 0; i < sizeof(meanings) / sizeof(*meanings); i++)
		if (given & 1u << i)
			*options |= meanings[i];
	return NULL;
}

static struct mt_error *find_type(struct mt_shell *shell, const char *text, struct mt_arena *arena,
                                  const struct mt_type **type, bool *is_name)
{
	struct mt_debug_world made;

	mt_shell_world(shell, &made);
	text = mt_text_skip(text);
	return mt_shell_blame(
	    shell, mt_eval_type(&made.world, *text ? text : "$", arena, type, is_name), text);
}

/* With `set print object`: what an object is, before what it is said to be. */
static void say_real_type(struct mt_shell *shell, const char *text, bool is_name)
{
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	struct mt_buf name MT_AUTO_BUF = { 0 };
	struct mt_debug_world made;
	struct mt_value value, whole;
	struct mt_error *error;

	if (is_name || !shell->settings.print.object)
		return;
	mt_shell_world(shell, &made);
	made.world.may_write = false;
	error = mt_eval_text(&made.world, *mt_text_skip(text) ? text : "$", &arena, &value);
	if (!error && (mt_value_whole_target(&made.world, &arena, &value, &whole) ||
	               mt_value_whole_object(&made.world, &value, &whole))) {
		mt_type_format(whole.type, &name);
		mt_say(shell, "/* real type = %s */\n", mt_buf_ok(&name) ? name.data : "?");
	}
	mt_error_free(error);
}

static struct mt_error *ptype(struct mt_shell *shell, const char *args)
{
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	struct mt_buf text MT_AUTO_BUF = { 0 };
	const struct mt_type *type;
	unsigned options;
	bool is_name;

	MT_TRY(parse_options(&args, &options));
	MT_TRY(find_type(shell, args, &arena, &type, &is_name));
	mt_type_print_definition(type, options, &text);
	if (!mt_buf_ok(&text))
		return mt_error_nomem();
	mt_say(shell, "type = ");
	say_real_type(shell, args, is_name);
	mt_say(shell, "%s\n", text.data ? text.data + strlen("type = ") : "");
	return NULL;
}

/* A typedef's name is answered with what it stands for, one step of it. */
static struct mt_error *whatis(struct mt_shell *shell, const char *args)
{
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	struct mt_buf text MT_AUTO_BUF = { 0 };
	const struct mt_type *type;
	bool is_name;

	MT_TRY(find_type(shell, args, &arena, &type, &is_name));
	if (is_name && type->alias_of)
		type = type->alias_of;
	mt_type_format(type, &text);
	if (!mt_buf_ok(&text))
		return mt_error_nomem();
	mt_say(shell, "type = ");
	say_real_type(shell, args, is_name);
	mt_say(shell, "%s\n", text.data ? text.data : "");
	return NULL;
}

/* ---- What was returned ------------------------------------------------------------------ */

const struct mt_type *mt_result_type(struct mt_shell *shell, uint64_t addr)
{
	struct mt_image *image = mt_debug_image(shell->debug);
	uint64_t start, end;
	const struct mt_type *type;

	if (!image || !mt_image_function_bounds(image, addr, &start, &end))
		return NULL;
	type = mt_type_of_function(image, start);
	return type ? type->target : NULL;
}

struct mt_error *mt_result_say(struct mt_shell *shell, const struct mt_type *type)
{
	struct mt_arena arena MT_AUTO_ARENA = { 0 };
	struct mt_buf text MT_AUTO_BUF = { 0 };
	const struct mt_format none = { 0 };
	struct mt_value value = { .type = type };
	uint8_t *bytes;
	size_t number;

	if (!type->size || type->kind == MT_TYPE_VOID)
		return NULL;
	bytes = mt_arena_alloc(&arena, (size_t)type->size);
	if (!bytes)
		return mt_error_nomem();
	MT_TRY(mt_debug_result(shell->debug, type, bytes));
	value.bytes = bytes;
	MT_TRY(mt_value_show(shell, &value, &none, &text));
	MT_TRY(mt_values_record(shell, &arena, &value, &number));
	mt_say(shell, "Value returned is $%zu = %s\n", number, text.data ? text.data : "");
	return NULL;
}

/* ---- The verbs ----------------------------------------------------------------------------- */

static const struct mt_verb verbs[] = {
	{ .name = "info locals",
	  .aliases = "lo",
	  .run = info_locals,
	  .usage = "",
	  .summary = "the variables of the selected frame, those of the innermost block first",
	  .topic = MT_TOPIC_STACK,
	  .needs = MT_NEEDS_STATE },
	{ .name = "info args",
	  .aliases = "ar",
	  .run = info_args,
	  .usage = "",
	  .summary = "the arguments of the selected frame",
	  .topic = MT_TOPIC_STACK,
	  .needs = MT_NEEDS_STATE },
	{ .name = "ptype",
	  .aliases = "pt",
	  .run = ptype,
	  .usage = "[/oxmtr] [EXPRESSION | TYPE]",
	  .summary = "the definition of a type, or of the type that an expression has",
	  .help = "/o tells where the members lie and where there are holes, /x does so in "
	          "hexadecimal,\n"
	          "/m leaves out methods, /t typedefs, /r spells template arguments out.",
	  .topic = MT_TOPIC_DATA,
	  .completes = MT_COMPLETE_VALUE,
	  .needs = MT_NEEDS_IMAGE },
	{ .name = "whatis",
	  .run = whatis,
	  .usage = "[EXPRESSION | TYPE]",
	  .summary = "the type that an expression has, by its name",
	  .help = "The name of a typedef is answered with what it stands for.",
	  .topic = MT_TOPIC_DATA,
	  .completes = MT_COMPLETE_VALUE,
	  .needs = MT_NEEDS_IMAGE },
};

MT_VERB_LIST(mt_verbs_locals, verbs);
