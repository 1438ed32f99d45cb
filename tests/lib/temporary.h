/*
 * A directory for one test.
 */
#ifndef LIB_TEMPORARY_H
#define LIB_TEMPORARY_H

/* A fresh one; owned. */
char *temporary_directory(void);
/* Removes it with the files in it, and frees the text. */
void temporary_remove(char *directory);

#endif
