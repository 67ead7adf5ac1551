/* SPDX-License-Identifier: MIT */
/* The program's environment: set, unset and show environment. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "cli/debug/shell.h"

static char **find_variable(struct mt_settings *settings, const char *name, size_t len)
{
	for (size_t i = 0; i + 1 < settings->environment.len; i++) {
		char **entry = &settings->environment.data[i];

		if (!strncmp(*entry, name, len) && (*entry)[len] == '=')
			return entry;
	}
	return NULL;
}

/* The list ends in NULL, as execve(2) wants it. */
static struct mt_error *add_variable(struct mt_settings *settings, char *entry)
{
	if (!entry || !mt_vec_push(&settings->environment, (char *)NULL)) {
		free(entry);
		return mt_error_nomem();
	}
	settings->environment.data[settings->environment.len - 2] = entry;
	return NULL;
}

static struct mt_error *set_environment(struct mt_shell *shell, const char *args)
{
	size_t len = strcspn(args, "= \t");
	const char *value = mt_text_skip(args + len);
	struct mt_buf text MT_AUTO_BUF = { 0 };
	char **old, *entry;

	if (!len)
		return mt_error_new(MT_ERR_USAGE, "set environment takes NAME=VALUE");
	if (*value == '=')
		value = mt_text_skip(value + 1);
	mt_buf_printf(&text, "%.*s=%s", (int)len, args, value);
	old = find_variable(&shell->settings, args, len);
	entry = mt_buf_take(&text);
	if (!old)
		return add_variable(&shell->settings, entry);
	if (!entry)
		return mt_error_nomem();
	free(*old);
	*old = entry;
	return NULL;
}

static struct mt_error *unset_environment(struct mt_shell *shell, const char *args)
{
	struct mt_settings *settings = &shell->settings;
	char **entry;

	if (!*args && !mt_shell_confirm(shell, "Delete all environment variables?"))
		return NULL;
	entry = *args ? find_variable(settings, args, strlen(args)) : NULL;
	if (*args && !entry)
		return mt_error_new(MT_ERR_NOT_FOUND, "%.60s is not in the environment", args);
	for (size_t i = settings->environment.len - 1; i-- > 0;) {
		if (entry && entry != &settings->environment.data[i])
			continue;
		free(settings->environment.data[i]);
		for (size_t j = i; j + 1 < settings->environment.len; j++)
			settings->environment.data[j] = settings->environment.data[j + 1];
		settings->environment.len--;
	}
	return NULL;
}

static struct mt_error *show_environment(struct mt_shell *shell, const char *args)
{
	char **entry;

	for (size_t i = 0; !*args && i + 1 < shell->settings.environment.len; i++)
		mt_say(shell, "%s\n", shell->settings.environment.data[i]);
	if (!*args)
		return NULL;
	entry = find_variable(&shell->settings, args, strlen(args));
	if (!entry)
		return mt_error_new(MT_ERR_NOT_FOUND, "%.60s is not in the environment", args);
	mt_say(shell, "%s\n", *entry);
	return NULL;
}

struct mt_error *mt_environment_init(struct mt_settings *settings)
{
	if (!mt_vec_push(&settings->environment, (char *)NULL))
		return mt_error_nomem();
	for (char **entry = environ; *entry; entry++)
		MT_TRY(add_variable(settings, mt_strdup(*entry)));
	return NULL;
}

void mt_environment_deinit(struct mt_settings *settings)
{
	for (size_t i = 0; i < settings->environment.len; i++)
		free(settings->environment.data[i]);
	mt_vec_deinit(&settings->environment);
}

static const struct mt_verb verbs[] = {
	{ .name = "set environment",
	  .aliases = "env",
	  .run = set_environment,
	  .usage = "NAME=VALUE",
	  .summary = "gives the program an environment variable, from its next run on",
	  .topic = MT_TOPIC_SETTINGS },
	{ .name = "unset environment",
	  .aliases = "env",
	  .run = unset_environment,
	  .usage = "[NAME]",
	  .summary = "takes an environment variable away, or all",
	  .topic = MT_TOPIC_SETTINGS },
	{ .name = "show environment",
	  .aliases = "env",
	  .run = show_environment,
	  .usage = "[NAME]",
	  .summary = "the program's environment",
	  .topic = MT_TOPIC_SETTINGS },
};

MT_VERB_LIST(mt_verbs_environment, verbs);
