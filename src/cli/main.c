/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "cli/command.h"
#include "expr/expr.h"

static const struct mt_command *const commands[] = {
	&mt_command_watch,
	&mt_command_debug,
	&mt_command_doctor,
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(*commands))

void mt_cli_complain(struct mt_error *error, const char *source)
{
	struct mt_buf text MT_AUTO_BUF = { 0 };

	mt_buf_printf(&text, "memtrap: %s\n", mt_error_text(error));
	if (source)
		mt_expr_caret(&text, source, error);
	fputs(text.len ? text.data : "memtrap: out of memory\n", stderr);
	mt_error_free(error);
}

static void print_help(FILE *to)
{
	fputs("memtrap: who touched this memory?\n\n", to);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(to, "  memtrap %-8s %s\n", commands[i]->name, commands[i]->summary);
	fputs("\n'memtrap COMMAND --help' tells more; so does memtrap(1).\n", to);
}

static const struct mt_command *find_command(const char *name)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

int main(int argc, char **argv)
{
	const struct mt_command *command;

	if (argc < 2) {
		print_help(stderr);
		return MT_EXIT_FAILED;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		print_help(stdout);
		return MT_EXIT_OK;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		puts("memtrap " MT_VERSION);
		return MT_EXIT_OK;
	}
	command = find_command(argv[1]);
	if (!command) {
		fprintf(stderr, "memtrap: there is no command '%s'; 'memtrap --help' lists them\n",
		        argv[1]);
		return MT_EXIT_FAILED;
	}
	return command->run(argc - 1, argv + 1);
}
