/* A worker is called, a worker fails, nothing is left behind. */
#include <tractor.h>

/* Runs in the child. */
static void is_prime(tractor_ctx *ctx, const tractor_value *args, void *user) {
    uint64_t n, d = 2;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:U}", "n", &n) != TRACTOR_OK)
        return; /* the caller gets a TypeError that names `n` */
    while (d * d <= n && n % d != 0)
        d++;
    tractor_ctx_return(ctx, "b", n > 1 && d * d > n);
}
static const tractor_endpoint primes[] = { TRACTOR_FUNC("is_prime", is_prime), TRACTOR_ENDPOINTS_END };

/* Run in the root. */
static void on_answer(const tractor_error *err, const tractor_value *value, void *user) {
    bool prime;
    if (err)
        tractor_error_print(err, stderr);
    else if (tractor_unpack(value, "b", &prime) == TRACTOR_OK)
        printf("%s is %s\n", (const char *)user, prime ? "prime" : "composite");
}
static void root(tractor_nursery *workers, void *number) {
    tractor_nursery_run_in_actor(workers, "primes", "is_prime", TRACTOR_ARGS("{s:U}", "n", UINT64_C(112272535095293)),
                                 NULL, on_answer, number);
    tractor_nursery_run_in_actor(workers, "primes", "is_prime", TRACTOR_ARGS("{s:s}", "n", "many"), NULL, NULL, NULL);
}
int main(int argc, char **argv) {
    tractor_register("primes", primes, NULL);
    return tractor_main(argc, argv, NULL, root, (void *)"112272535095293");
}
