/* A covariance pass as fast as C gets: update and product with the weights in one pass over the rows, four at
 * a time, any instruction of this machine, floating point free to reassociate and contract. No shape, no
 * missing instrument, no cluster, no limit: the floor under rc_advance. */
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}

static __attribute__((noinline)) double update(double *restrict matrix, const double *restrict returns,
                                               const double *restrict weight, double *restrict product,
                                               int64_t count, double decay)
{
    double variance = 0.0;
    for (int64_t i = 0; i < count; i += 4) {
        double *restrict row0 = matrix + i * count, *restrict row1 = row0 + count;
        double *restrict row2 = row1 + count, *restrict row3 = row2 + count;
        double u0 = (1.0 - decay) * returns[i], u1 = (1.0 - decay) * returns[i + 1];
        double u2 = (1.0 - decay) * returns[i + 2], u3 = (1.0 - decay) * returns[i + 3];
        double s0 = 0.0, s1 = 0.0, s2 = 0.0, s3 = 0.0;
        for (int64_t j = 0; j < count; j++) {
            double v0 = decay * row0[j] + u0 * returns[j], v1 = decay * row1[j] + u1 * returns[j];
            double v2 = decay * row2[j] + u2 * returns[j], v3 = decay * row3[j] + u3 * returns[j];
            row0[j] = v0;
            row1[j] = v1;
            row2[j] = v2;
            row3[j] = v3;
            s0 += v0 * weight[j];
            s1 += v1 * weight[j];
            s2 += v2 * weight[j];
            s3 += v3 * weight[j];
        }
        product[i] = s0;
        product[i + 1] = s1;
        product[i + 2] = s2;
        product[i + 3] = s3;
        variance += s0 * weight[i] + s1 * weight[i + 1] + s2 * weight[i + 2] + s3 * weight[i + 3];
    }
    return variance;
}

/* Times `samples` passes over `count` (a multiple of 4) instruments; returns the last variance. */
double run(int64_t count, int64_t samples, double *ns)
{
    double *matrix = aligned_alloc(64, count * count * sizeof *matrix);
    double *returns = aligned_alloc(64, 64 * count * sizeof *returns);
    double *weight = aligned_alloc(64, count * sizeof *weight), *product = aligned_alloc(64, count * sizeof *product);
    double variance = 0.0;
    for (int64_t k = 0; k < count * count; k++)
        matrix[k] = 1e-4;
    for (int64_t k = 0; k < 64 * count; k++)
        returns[k] = 0.01 * ((k * 2654435761u % 1000) / 500.0 - 1.0);
    for (int64_t k = 0; k < count; k++)
        weight[k] = 1.0 / count;
    for (int64_t k = -samples / 4; k < samples; k++) {
        double start = now_ns();
        variance = update(matrix, returns + (k & 63) * count, weight, product, count, 0.97);
        if (k >= 0)
            ns[k] = now_ns() - start;
    }
    free(matrix);
    free(returns);
    free(weight);
    free(product);
    return variance;
}
