#ifndef COMMANDS_H
#define COMMANDS_H
#define MHC_VERSION "0.10"
/* Each returns the exit status (sysexits.h). argv[0] is the verb. */
struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
};
// The commands' functions
int command_train(int argc, char **argv);
int command_evaluate(int argc, char **argv);
int command_info(int argc, char **argv);
int command_plot(int argc, char **argv);
int command_bench(int argc, char **argv);
int command_sample(int argc, char **argv);
int command_gain(int argc, char **argv);
int command_upcycle(int argc, char **argv);
int command_check(int argc, char **argv);
int command_trace(int argc, char **argv);
#endif
