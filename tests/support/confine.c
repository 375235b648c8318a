#include "support/confine.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

// Write a filter of system calls
enum { FILTER = 400 };
static struct sock_filter filter[FILTER];
static unsigned short used;

static void add(int code, uint32_t k, int if_true, int if_not)
{
    if (used < FILTER)
        filter[used++] = (struct sock_filter){ (uint16_t)code,
            (uint8_t)if_true, (uint8_t)if_not, k };
}

static void load(size_t offset)
{
    add(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void verdict(uint32_t what)
{
    add(BPF_RET | BPF_K, what, 0, 0);
}
static void if_call(long number, uint32_t what)
{
    add(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 1);
    verdict(what);
}

/* test: BPF_JEQ or BPF_JSET */
static void if_argument(long number, size_t argument, int test,
                        uint32_t value, uint32_t holds, uint32_t else_)
{
    add(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 4);
    load(offsetof(struct seccomp_data, args) + 8 * argument);
    add(BPF_JMP | test | BPF_K, value, 0, 1);
    verdict(holds);
    verdict(else_);
}
static void if_null(long number, size_t argument, uint32_t holds,
                    uint32_t else_)
{
    const size_t at = offsetof(struct seccomp_data, args)
                    + 8 * argument;
    add(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 6);
    load(at);
    add(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 3);
    load(at + 4);
    add(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1);
    verdict(holds);
    verdict(else_);
}

// List the system calls
static const long allowed[] = {
    __NR_read, __NR_readv, __NR_pread64, __NR_write, __NR_writev,
    __NR_close, __NR_lseek, __NR_fstat, __NR_newfstatat, __NR_statx,
    __NR_readlinkat, __NR_faccessat, __NR_getcwd, __NR_pipe2,
    __NR_ppoll, __NR_sendto, __NR_recvfrom,
    __NR_munmap, __NR_madvise,
    __NR_brk, __NR_futex, __NR_set_robust_list, __NR_rseq,
    __NR_sched_yield, __NR_sched_getaffinity, __NR_nanosleep,
    __NR_clock_nanosleep, __NR_clock_gettime, __NR_clock_getres,
    __NR_gettimeofday, __NR_getrandom, __NR_rt_sigaction,
    __NR_rt_sigprocmask, __NR_rt_sigreturn, __NR_sigaltstack,
    __NR_getpid, __NR_gettid, __NR_getuid, __NR_geteuid,
    __NR_getgid, __NR_getegid, __NR_uname, __NR_sysinfo, __NR_getrusage,
    __NR_times, __NR_getcpu, __NR_exit, __NR_exit_group,
#ifdef __NR_stat
    __NR_stat, __NR_lstat, __NR_readlink, __NR_access, __NR_pipe,
    __NR_poll, __NR_time, __NR_arch_prctl,
#endif
};
static const long refused[] = {
    __NR_execve, __NR_execveat, __NR_socket, __NR_socketpair,
    __NR_ptrace, __NR_process_vm_readv, __NR_process_vm_writev,
    __NR_unlinkat, __NR_mkdirat, __NR_linkat, __NR_symlinkat,
    __NR_fchmodat, __NR_fchownat, __NR_truncate, __NR_ftruncate,
    __NR_setsid, __NR_setpgid, __NR_tkill, __NR_rt_sigqueueinfo,
#ifdef __NR_fork
    __NR_fork, __NR_vfork, __NR_creat, __NR_unlink, __NR_rename,
    __NR_mkdir, __NR_rmdir, __NR_link, __NR_symlink, __NR_chmod,
#endif
};

// Install the filter
#if defined __x86_64__
#define MACHINE AUDIT_ARCH_X86_64
#elif defined __aarch64__
#define MACHINE AUDIT_ARCH_AARCH64
#endif
enum { WRITING = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC };
static const uint32_t yes = SECCOMP_RET_ALLOW,
    no = SECCOMP_RET_KILL_PROCESS, fails = SECCOMP_RET_ERRNO | EPERM;

static void write_filter(bool closed)
{
    const uint32_t self = (uint32_t)getpid();
    const uint32_t reading = closed ? fails : yes;
    used = 0;
    // Refuse calls of another machine
    load(offsetof(struct seccomp_data, arch));
    add(BPF_JMP | BPF_JEQ | BPF_K, MACHINE, 1, 0);
    verdict(no);
    load(offsetof(struct seccomp_data, nr));
    add(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1);
    verdict(no);
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
        if_call(allowed[i], yes);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if_call(refused[i], no);
    if_argument(__NR_clone, 0, BPF_JSET, CLONE_THREAD, yes, no);
    if_argument(__NR_openat, 2, BPF_JSET, WRITING, no, reading);
    if_argument(__NR_ioctl, 1, BPF_JEQ, TCGETS, yes, fails);
    if_null(__NR_prlimit64, 2, yes, fails);
    if_argument(__NR_mmap, 2, BPF_JSET, PROT_EXEC, fails, yes);
    if_argument(__NR_mprotect, 2, BPF_JSET, PROT_EXEC, fails, yes);
    if_argument(__NR_tgkill, 0, BPF_JEQ, self, yes, no);
    if_argument(__NR_kill, 0, BPF_JEQ, self, yes, no);
    // Filter calls that only some machines have
    if_call(__NR_clone3, SECCOMP_RET_ERRNO | ENOSYS);
    #ifdef __NR_open
    if_argument(__NR_open, 1, BPF_JSET, WRITING, no, reading);
    #endif
    verdict(fails);
}

// Confine this process
static void limit(unsigned what, rlim_t most)
{
    setrlimit(what, &(struct rlimit){ most, most });
}

void confine(int line, int said, double seconds, bool closed)
{
    struct __user_cap_header_struct us = {
        .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct none[2] = { { 0 } };
    struct sock_fprog program;
    // Leave nothing open but the line and an output
    const int most = (int)sysconf(_SC_OPEN_MAX);
    setpgid(0, 0);
    dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
    dup2(said, STDOUT_FILENO);
    dup2(said, STDERR_FILENO);
    for (int fd = 3; fd < most && fd < 4096; fd++)
        if (fd != line)
            close(fd);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_FSIZE, 0);
    limit(RLIMIT_CPU, (rlim_t)(64 * (seconds > 0 ? seconds : 0) + 1));
    write_filter(closed);
    program = (struct sock_fprog){ used, filter };
    if (syscall(SYS_capset, &us, none) != 0 ||
        prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        _exit(UNCONFINED);
}

// Hide the code of the answer, or of the check
extern char __start_answer[] __attribute__((weak));
extern char __stop_answer[] __attribute__((weak));
extern char __start_check[] __attribute__((weak));
extern char __stop_check[] __attribute__((weak));

static void protect(char *start, const char *stop, int how)
{
    const size_t bytes = (uintptr_t)stop - (uintptr_t)start;
    if (bytes > 0 && mprotect(start, bytes, how) != 0)
        _exit(UNCONFINED);
}

void hide_answer(void)
{
    protect(__start_answer, __stop_answer, PROT_NONE);
}

bool in_answer(const void *address)
{
    return (uintptr_t)address >= (uintptr_t)__start_answer
        && (uintptr_t)address < (uintptr_t)__stop_answer;
}

void hide_check(void)
{
    const size_t bytes = (uintptr_t)__stop_check
                       - (uintptr_t)__start_check;
    protect(__start_answer, __stop_answer, PROT_READ | PROT_EXEC);
    if (bytes > 0 && munmap(__start_check, bytes) != 0)
        _exit(UNCONFINED);
}
