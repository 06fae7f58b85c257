// Witnesses that the hot loop neither allocates nor enters the kernel.
#pragma once

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>

// Counts allocations of a thread; there where allocations.c is preloaded.
extern "C" {
__attribute__((weak)) void allocation_count_start(void);
__attribute__((weak)) long allocation_count_stop(void);
}

// The one place where a sealed thread may enter the kernel.
extern "C" long engine_system_call(long number, long a, long b, long c, long d, long e, long f);
extern "C" const char engine_system_call_end[];
asm(R"(
    .text
    .globl engine_system_call
    .globl engine_system_call_end
    .hidden engine_system_call
    .hidden engine_system_call_end
    .type engine_system_call, @function
engine_system_call:
    movq %rdi, %rax
    movq %rsi, %rdi
    movq %rdx, %rsi
    movq %rcx, %rdx
    movq %r8, %r10
    movq %r9, %r8
    movq 8(%rsp), %r9
    syscall
engine_system_call_end:
    ret
    .size engine_system_call, .-engine_system_call
)");

namespace engine {

// Lets the kernel report every system call of this thread: a seccomp filter turns each into SIGSYS,
// whose handler counts it while the hot loop runs, carries it out and goes on. A filter stays for
// life and is inherited, so a thread seals itself after it has started all others.
class Seal {
public:
    // 0, or errno where the system does not allow it.
    static int close() noexcept
    {
        static char stack[1U << 16U]; // a thread that ends gives back the stack that it stands on
        stack_t alternative{};
        alternative.ss_sp = stack;
        alternative.ss_size = sizeof stack;
        struct sigaction action {};
        action.sa_sigaction = on_system_call;
        action.sa_flags = SA_SIGINFO | SA_ONSTACK;
        if (::sigaltstack(&alternative, nullptr) != 0 || ::sigaction(SIGSYS, &action, nullptr) != 0)
            return errno;
        const auto place = reinterpret_cast<std::uintptr_t>(engine_system_call_end);
        const auto low = static_cast<std::uint32_t>(place);
        const auto high = static_cast<std::uint32_t>(place >> 32U);
        constexpr auto at_number = offsetof(seccomp_data, nr);
        constexpr auto at_arch = offsetof(seccomp_data, arch);
        constexpr auto at_place = offsetof(seccomp_data, instruction_pointer);
        constexpr std::uint16_t load = BPF_LD | BPF_W | BPF_ABS;
        constexpr std::uint16_t equal = BPF_JMP | BPF_JEQ | BPF_K;
        constexpr std::uint16_t end = BPF_RET | BPF_K;
        sock_filter rules[] = {
            {load, 0, 0, at_arch},
            {equal, 0, 6, AUDIT_ARCH_X86_64},
            {load, 0, 0, at_number},
            {equal, 5, 0, SYS_rt_sigreturn}, // how the handler returns
            {load, 0, 0, at_place},
            {equal, 0, 2, low},
            {load, 0, 0, at_place + 4},
            {equal, 1, 0, high},
            {end, 0, 0, SECCOMP_RET_TRAP},
            {end, 0, 0, SECCOMP_RET_ALLOW},
        };
        const sock_fprog program{sizeof rules / sizeof rules[0], rules};
        if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
        if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) return errno;
        return 0;
    }

    static void start() noexcept
    {
        calls_ = 0;
        counting_ = 1;
    }
    // System calls since start().
    static long stop() noexcept
    {
        counting_ = 0;
        return calls_;
    }

private:
    static void on_system_call(int, siginfo_t *, void *context) noexcept
    {
        auto &registers = static_cast<ucontext_t *>(context)->uc_mcontext.gregs;
        if (counting_ != 0) calls_ = calls_ + 1;
        registers[REG_RAX] = engine_system_call(
            registers[REG_RAX], registers[REG_RDI], registers[REG_RSI], registers[REG_RDX],
            registers[REG_R10], registers[REG_R8], registers[REG_R9]);
    }

    static inline volatile std::sig_atomic_t counting_ = 0;
    static inline volatile long calls_ = 0;
};

} // namespace engine
