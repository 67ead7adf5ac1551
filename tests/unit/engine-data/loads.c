/* SPDX-License-Identifier: MIT */
/* loads LIBRARY: loads it three times, calls plugged(), and unloads it. Prints "value=3". */
#include <dlfcn.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	int value = 0;

	for (int i = 0; i < 3; i++) {
		void *library = dlopen(argv[argc - 1], RTLD_NOW);
		int (*plugged)(int) = library ? (int (*)(int))dlsym(library, "plugged") : NULL;

		if (!plugged) {
			puts(dlerror());
			return 1;
		}
		value = plugged(value);
		dlclose(library);
	}
	printf("value=%d\n", value);
	return 0;
}
