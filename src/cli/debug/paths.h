/* SPDX-License-Identifier: MIT */
/* Names of files, as a person and the system's conventions have them. */
#ifndef MT_CLI_DEBUG_PATHS_H
#define MT_CLI_DEBUG_PATHS_H

/* `text` with ~ at its start resolved. Owned by the caller; NULL without memory. */
char *mt_path_of_person(const char *text);

/* Where memtrap keeps `name`: the folder that the variable names (XDG_STATE_HOME), or else
 * `below_home` (".local/state"), of the XDG Base Directory Specification. Owned by the caller; NULL
 * where there is no home, and without memory. */
char *mt_path_of_xdg(const char *variable, const char *below_home, const char *name);

#endif
