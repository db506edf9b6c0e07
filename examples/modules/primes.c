/* A module in a shared object: any program that knows nothing of it can serve it.
 *
 *     tractor run --module ./libprimes.so --name primes
 *     tractor call primes primes.is_prime n=97
 *     tractor stream primes primes.between lo=90 hi=110
 */
#include <tractor.h>

/* A daemon has one loop for all who call it, so no answer may take long: trial division of a large number would take
 * seconds, this takes microseconds. */
__extension__ typedef unsigned __int128 wide;

static uint64_t power(uint64_t base, uint64_t exponent, uint64_t modulus) {
    uint64_t result = 1;
    for (; exponent; exponent >>= 1) {
        if (exponent & 1)
            result = (uint64_t)((wide)result * base % modulus);
        base = (uint64_t)((wide)base * base % modulus);
    }
    return result;
}

/* Miller and Rabin's test to the first twelve primes as bases, which decides for all numbers of 64 bits. */
static bool prime(uint64_t n) {
    static const uint64_t bases[] = { 2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37 };
    enum { COUNT = sizeof bases / sizeof bases[0] };
    if (n < 2)
        return false;
    for (int i = 0; i < COUNT; i++)
        if (n % bases[i] == 0)
            return n == bases[i];
    uint64_t odd = n - 1;
    int twos = 0;
    for (; odd % 2 == 0; odd /= 2)
        twos++;
    for (int i = 0; i < COUNT; i++) {
        uint64_t x = power(bases[i], odd, n);
        for (int t = 1; t < twos && x != 1 && x != n - 1; t++) {
            x = (uint64_t)((wide)x * x % n);
            if (x == 1)
                return false;
        }
        if (x != 1 && x != n - 1)
            return false;
    }
    return true;
}

static void is_prime(tractor_ctx *ctx, const tractor_value *args, void *user) {
    uint64_t n;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:U}", "n", &n) == TRACTOR_OK)
        tractor_ctx_return(ctx, "b", prime(n));
}

/* --- the generator ------------------------------------------------------------------------ */

typedef struct {
    tractor_ctx *ctx;
    tractor_stream *stream;
    uint64_t next, end; /* what is left: [next, end) */
} range;

/* Two primes of 64 bits are never more than 1550 apart, so the loop gets its turn soon. */
static void yield_next(const tractor_error *err, void *user) {
    range *r = user;
    if (err)
        return; /* nobody listens any more */
    while (r->next < r->end && !prime(r->next))
        r->next++;
    if (r->next < r->end)
        tractor_stream_send_wait(r->stream, NULL, tractor_pack("U", r->next++), yield_next, r);
    else
        tractor_ctx_return(r->ctx, NULL);
}

static void between(tractor_ctx *ctx, const tractor_value *args, void *user) {
    uint64_t lo, hi;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:U, s:U}", "lo", &lo, "hi", &hi) != TRACTOR_OK)
        return;
    range *r = tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof *r);
    if (!r)
        return; /* the caller is told that there was no answer */
    *r = (range){ .ctx = ctx, .next = lo, .end = hi };
    if (tractor_ctx_open_stream(ctx, NULL, &r->stream) == TRACTOR_OK)
        yield_next(NULL, r);
}

/* --- what whoever loads it calls ---------------------------------------------------------- */

static const tractor_endpoint primes[] = { TRACTOR_FUNC("is_prime", is_prime), TRACTOR_GEN("between", between),
                                           TRACTOR_ENDPOINTS_END };

int tractor_module_init(const char *module);
int tractor_module_init(const char *module) { return tractor_register(module, primes, NULL); }
