// Two delay-coupled micropillars, 16 trajectories in GCC vectors: the yardstick for the numba kernel.
// Same scheme, same generator, same Gaussian numbers, same box averages as models.numerics.
#include <cmath>
#include <cstdint>
#include <vector>

constexpr int L = 16;
typedef float F __attribute__((vector_size(4 * L)));
typedef uint32_t U __attribute__((vector_size(4 * L)));
typedef int32_t I __attribute__((vector_size(4 * L)));

struct C { F re, im; };
struct Rates {  // order of models.micropillars.equations.Rates
    float gain_s, gain_w, loss_s, loss_w, a_ss, a_sw, a_ws, a_ww, alpha, per_dot, decay, lifetime, pump,
        capture, inactive, reservoir_decay, noise;
};
struct Pillar { C strong, weak; F rho, x; };

static inline C operator+(C a, C b) { return {a.re + b.re, a.im + b.im}; }
static inline C operator*(C a, F r) { return {a.re * r, a.im * r}; }
static inline C operator*(C a, C b) { return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re}; }
static inline F abs2(C a) { return a.re * a.re + a.im * a.im; }

struct Generator {
    U s0, s1, s2, s3;
    static inline U turn(U v, int k) { return (v << k) | (v >> (32 - k)); }
    inline U word() {
        U result = turn(s0 + s3, 7) + s0, shifted = s1 << 9;
        s2 ^= s0; s3 ^= s1; s1 ^= s2; s0 ^= s3; s2 ^= shifted; s3 = turn(s3, 11);
        return result;
    }
    inline C gaussian() {
        U high = word(), low = word();
        F u = (__builtin_convertvector((I)(high >> 8), F) + 0.5f) * (1.0f / 16777216.0f);
        U bits = (U)u;
        F exponent = __builtin_convertvector((I)((bits >> 23) - 127), F);
        F mantissa = (F)((bits & 0x7fffff) | 0x3f800000);
        I large = mantissa > 1.41421356f;
        F f = (large ? mantissa * 0.5f : mantissa) - 1.0f;
        exponent = large ? exponent + 1.0f : exponent;
        const float c[] = {-1.1514610310e-1f, 1.1676998740e-1f, -1.2420140846e-1f, 1.4249322787e-1f,
                           -1.6668057665e-1f, 2.0000714765e-1f, -2.4999993993e-1f, 3.3333331174e-1f};
        F p = f * 0.0f + 7.0376836292e-2f, square = f * f;
        for (float k : c) p = p * f + k;
        F minus_log = -(f - 0.5f * square + f * square * p + exponent * 0.69314718f), radius;
        for (int l = 0; l < L; l++) radius[l] = std::sqrt(minus_log[l]);
        F t = __builtin_convertvector((I)(low << 3), F) * (0.78539816f / 2147483648.0f), q = t * t;
        F sine = t * (1.0f + q * (-1.6666654611e-1f + q * (8.3321608736e-3f - q * 1.9515295891e-4f)));
        F cosine = 1.0f - 0.5f * q + q * q * (4.166664568e-2f + q * (-1.388731625e-3f + q * 2.443315711e-5f));
        I swap = low >= 0x80000000u;
        U re = (U)(swap ? sine : cosine) ^ ((low << 1) & 0x80000000u);
        U im = (U)(swap ? cosine : sine) ^ ((low << 2) & 0x80000000u);
        return {radius * (F)re, radius * (F)im};
    }
};

static inline C grow(C a, F gain, float alpha) {
    F phase = alpha * gain;
    return a * C{1.0f + gain + 0.5f * (gain * gain - phase * phase), phase + gain * phase};
}

static inline void advance(const Rates &p, float dt, Pillar &s, C in_s, C in_w, C kick_s, C kick_w) {
    F u_s = abs2(s.strong), u_w = abs2(s.weak);
    F comp_s = 1.0f + p.a_ss * u_s + p.a_sw * u_w, comp_w = 1.0f + p.a_ws * u_s + p.a_ww * u_w;
    F both = 1.0f / (comp_s * comp_w), gain_s = p.gain_s * comp_w * both, gain_w = p.gain_w * comp_s * both;
    F inversion = 2.0f * s.rho - 1.0f, kick = p.noise * s.rho, step = inversion * 0.0f + dt;
    F growth_s = (gain_s * inversion - p.loss_s) * dt, growth_w = (gain_w * inversion - p.loss_w) * dt;
    s.strong = grow(s.strong, growth_s, p.alpha) + (in_s * step + kick_s * kick) * (1.0f + 0.5f * growth_s);
    s.weak = grow(s.weak, growth_w, p.alpha) + (in_w * step + kick_w * kick) * (1.0f + 0.5f * growth_w);
    F stimulated = (gain_s * u_s + gain_w * u_w) * p.per_dot, saturation = 1.0f + p.lifetime * s.x;
    F rho_loss = 1.0f + dt * (s.x + p.decay + 2.0f * stimulated);
    F x_loss = (1.0f + dt * (p.capture * (1.0f - s.rho) + p.reservoir_decay)) * saturation + dt * p.inactive;
    F shared = 1.0f / (rho_loss * x_loss), rho = (s.rho + dt * (s.x + stimulated)) * x_loss * shared;
    s.x = (s.x + dt * p.pump) * saturation * rho_loss * shared;
    s.rho = rho;
}

// words (4, L); rates (2, 17); factors (4, 2) of the delayed terms into s1, w1, s2, w2; turns (4, 2);
// start (4) photon amplitudes, then rho, x of both; out (samples, 16, L)
extern "C" void simulate(const uint32_t *words, const float *rates, const float *factors, const float *turns,
                         const float *start, float dt, long slots, long samples, long decimation, float *out) {
    const Rates *p = (const Rates *)rates;
    Generator g;
    Pillar s[2];
    F zero = {}, root = zero + std::sqrt(dt);
    for (int l = 0; l < L; l++) {
        g.s0[l] = words[l]; g.s1[l] = words[L + l]; g.s2[l] = words[2 * L + l]; g.s3[l] = words[3 * L + l];
    }
    for (int k = 0; k < 2; k++)
        s[k] = {{zero + start[2 * k], zero}, {zero + start[2 * k + 1], zero}, zero + start[4 + 2 * k], zero + start[5 + 2 * k]};
    std::vector<C> ring(4 * slots, C{zero, zero});
    for (long n = 0; n < slots; n++) for (int m = 0; m < 4; m++) ring[4 * n + m].re = zero + start[m];
    C factor[4], turn[4];
    for (int m = 0; m < 4; m++) {
        factor[m] = {zero + factors[2 * m], zero + factors[2 * m + 1]};
        turn[m] = {zero + turns[2 * m], zero + turns[2 * m + 1]};
    }
    long slot = 0;
    for (long i = 0; i < samples; i++) {
        F sums[16] = {};
        for (long j = 0; j < decimation; j++) {
            C kick[4], in[4], *past = &ring[4 * slot];
            for (int m = 0; m < 4; m++) kick[m] = g.gaussian() * root;
            for (int m = 0; m < 4; m++) in[m] = factor[m] * past[(m + 2) & 3];
            past[0] = s[0].strong; past[1] = s[0].weak; past[2] = s[1].strong; past[3] = s[1].weak;
            if (++slot == slots) slot = 0;
            for (int k = 0; k < 2; k++) {
                advance(p[k], dt, s[k], in[2 * k], in[2 * k + 1], kick[2 * k], kick[2 * k + 1]);
                s[k].strong = s[k].strong * turn[2 * k];
                s[k].weak = s[k].weak * turn[2 * k + 1];
                C a[2] = {s[k].strong, s[k].weak};
                for (int m = 0; m < 2; m++) {
                    sums[4 * k + 2 * m] += a[m].re;
                    sums[4 * k + 2 * m + 1] += a[m].im;
                    sums[8 + 2 * k + m] += abs2(a[m]);
                }
                sums[12 + 2 * k] += s[k].rho;
                sums[13 + 2 * k] += s[k].x;
            }
        }
        for (int v = 0; v < 16; v++)
            for (int l = 0; l < L; l++) out[(16 * i + v) * L + l] = sums[v][l] / decimation;
    }
}
