/* A child process is asked whether a number is prime. */
#include <inttypes.h>
#include <stdio.h>
#include <tractor.h>

static bool trial_division(uint64_t n) {
    for (uint64_t d = 2; d * d <= n; d++)
        if (n % d == 0)
            return false;
    return n > 1;
}

/* Runs in the child. */
static void is_prime(tractor_ctx *ctx, const tractor_value *args, void *user) {
    uint64_t n;
    (void)user;
    if (tractor_ctx_unpack(ctx, args, "{s:U}", "n", &n) != TRACTOR_OK)
        return; /* the caller gets a TypeError that names `n` */
    tractor_ctx_return(ctx, "b", trial_division(n));
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
static void root(tractor_nursery *nursery, void *user) {
    (void)user;
    tractor_nursery_run_in_actor(nursery, "primes", "is_prime", tractor_pack("{s:U}", "n", UINT64_C(112272535095293)),
                                 NULL, on_answer, (void *)"112272535095293");
}

int main(int argc, char **argv) {
    tractor_register("primes", primes, NULL);
    return tractor_main(argc, argv, &(tractor_root_options){ TRACTOR_ROOT_OPTIONS, .name = "root" }, root, NULL);
}
