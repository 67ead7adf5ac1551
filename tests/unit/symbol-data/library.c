/* SPDX-License-Identifier: MIT */
long library_counter = 11;
