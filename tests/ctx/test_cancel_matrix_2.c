// ctest: timeout=120 processors=2
/* the columns nursery of its actor, SIGINT, socket cut, third peer. */
#define FIRST_COLUMN TABLED
#define LAST_COLUMN COLUMNS
#include "ctx/test_cancel_matrix.c"
