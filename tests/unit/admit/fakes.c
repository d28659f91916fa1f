/* The arithmetic of money asks no store. */
_Static_assert(sizeof(long long) == 8, "amounts are printed as long long");
