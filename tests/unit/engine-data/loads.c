/* SPDX-License-Identifier: MIT */
/*
 * loads [alone] LIBRARY: loads it three times, calls plugged(), and unloads it; alone in a thread
 * whose main thread has ended. Prints "value=3".
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_t main_thread;

static void *load(void *path)
{
	int value = 0;

	for (int i = 0; i < 3; i++) {
		void *library = dlopen(path, RTLD_NOW);
		int (*plugged)(int) = library ? (int (*)(int))dlsym(library, "plugged") : NULL;

		if (!plugged) {
			puts(dlerror());
			exit(1);
		}
		value = plugged(value);
		dlclose(library);
	}
	printf("value=%d\n", value);
	return NULL;
}

static void *load_alone(void *path)
{
	pthread_join(main_thread, NULL);
	load(path);
	exit(0);
}

int main(int argc, char **argv)
{
	pthread_t thread;

	if (argc == 2) {
		load(argv[1]);
		return 0;
	}
	main_thread = pthread_self();
	if (pthread_create(&thread, NULL, load_alone, argv[argc - 1]) != 0)
		return 1;
	pthread_exit(NULL);
}
