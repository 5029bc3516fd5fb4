/* An accelerator for tests: an external delegate (TFLite's tflite_plugin_create_delegate) that really takes a node.

It takes the first RESHAPE or LOGISTIC of the graph and runs that with the runtime's own kernel, so the answers are right
and each one goes through here. Its options say what goes wrong, where:

  device=PATH      a file that stands for the device: without it creation fails, and once it is deleted every run does
  exclusive=1      the device serves one process at a time: creation fails in another one meanwhile
  at=MOMENT        create, prepare or invoke: where the fault below happens; invoke is where it is not given
  after=N          runs that go well before it, in one process; 0 where it is not given
  fault=WHAT       crash, hang, refuse, slow (it waits), busy (it computes), differ (it leaves out the LOGISTIC, which gives all
                   scores), or one of the attempts below
  milliseconds=N   of slow, and of busy: of the processor's time
  target=PATH      a file that open makes, and that exec and fork would

The structures are the beginnings of those in tensorflow/lite/core/c/common.h (Apache-2.0), in the layout that is
unchanged since TensorFlow 2.4; more fields follow, which nobody reads here. */

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

typedef enum { kOk = 0, kError = 1 } Status;
typedef struct { int size; int data[]; } IntArray;
typedef struct Context Context;
typedef struct Delegate Delegate;

typedef struct {
  IntArray *inputs, *outputs, *intermediates, *temporaries;
  void *user_data, *builtin_data;
  const void *custom_initial_data;
  int custom_initial_data_size;
  Delegate *delegate;
  _Bool might_have_side_effect;
} Node;

typedef struct {
  void *(*init)(Context *, const char *, size_t);
  void (*free)(Context *, void *);
  Status (*prepare)(Context *, Node *);
  Status (*invoke)(Context *, Node *);
  const char *(*profiling_string)(const Context *, const Node *);
  int32_t builtin_code;
  const char *custom_name;
  int version;
  void *registration_external;
  void *async_kernel;
  uint64_t inplace_operator;
} Registration;

struct Context {
  size_t tensors_size;
  Status (*get_execution_plan)(Context *, IntArray **);
  void *tensors, *impl;
  void *resize_tensor, *report_error, *add_tensors;
  Status (*get_node_and_registration)(Context *, int, Node **, Registration **);
  Status (*replace_node_subsets)(Context *, Registration, const IntArray *, Delegate *);
};

struct Delegate {
  void *data;
  Status (*prepare)(Context *, Delegate *);
  void *copy_from_buffer_handle, *copy_to_buffer_handle, *free_buffer_handle;
  int64_t flags;
  void *opaque_delegate_builder;
};

enum { kLogistic = 14, kReshape = 22 };

static struct {
  char at[16], fault[32], target[512];
  int after, milliseconds, device, runs, exclusive;
} settings;
static Node taken_node;
static Registration taken;

static void child(void) {
  int made = open(settings.target, O_CREAT | O_WRONLY, 0600);
  _exit(made < 0);
}

/* Do what a hostile model's code would; whether it came to something shows outside: a file, a process, a connection. */
static void attempt(const char *what) {
  if (!strcmp(what, "open")) {
    int made = open(settings.target, O_CREAT | O_WRONLY, 0600);
    if (made >= 0) close(made);
  } else if (!strcmp(what, "socket")) {
    if (socket(AF_INET, SOCK_STREAM, 0) >= 0) close(creat(settings.target, 0600));
  } else if (!strcmp(what, "fork")) {
    if (fork() == 0) child();
  } else if (!strcmp(what, "exec")) {
    execl("/usr/bin/touch", "touch", settings.target, (char *)NULL);
  } else if (!strcmp(what, "kill")) {
    extern int kill(int, int);
    kill(getppid(), 10);
  }
}

static void pause_for(int milliseconds) {
  struct timespec time = {milliseconds / 1000, (milliseconds % 1000) * 1000000L};
  nanosleep(&time, NULL);
}

static void compute_for(int milliseconds) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  int64_t end = now.tv_sec * 1000000000L + now.tv_nsec + milliseconds * 1000000L;
  while (now.tv_sec * 1000000000L + now.tv_nsec < end) {
    for (volatile int turn = 0; turn < 100000; turn++) continue;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  }
}

static Status fault(const char *moment) {
  if (strcmp(settings.at, moment) || settings.runs < settings.after) return kOk;
  if (!strcmp(settings.fault, "crash")) *(volatile int *)8 = 1;
  if (!strcmp(settings.fault, "refuse")) return kError;
  while (!strcmp(settings.fault, "hang")) pause_for(1000);
  if (!strcmp(settings.fault, "slow")) pause_for(settings.milliseconds);
  if (!strcmp(settings.fault, "busy")) compute_for(settings.milliseconds);
  attempt(settings.fault);
  return kOk;
}

static _Bool unplugged(void) {
  struct stat found;
  return settings.device >= 0 && (fstat(settings.device, &found) || found.st_nlink == 0);
}

static void *kernel_init(Context *context, const char *buffer, size_t length) {
  (void)context, (void)buffer, (void)length;
  return NULL;
}

static void kernel_free(Context *context, void *data) { (void)context, (void)data; }

static Status kernel_prepare(Context *context, Node *node) {
  (void)node;
  return taken.prepare ? taken.prepare(context, &taken_node) : kOk;
}

static Status kernel_invoke(Context *context, Node *node) {
  (void)node;
  if (unplugged()) return kError;
  Status status = fault("invoke");
  settings.runs++;
  if (!strcmp(settings.fault, "differ")) return kOk;
  return status == kOk ? taken.invoke(context, &taken_node) : status;
}

static Status delegate_prepare(Context *context, Delegate *delegate) {
  if (fault("prepare") != kOk) return kError;
  IntArray *plan;
  if (context->get_execution_plan(context, &plan) != kOk) return kError;
  for (int place = 0; place < plan->size; place++) {
    Node *node;
    Registration *registration;
    int index = plan->data[place];
    if (context->get_node_and_registration(context, index, &node, &registration) != kOk) return kError;
    _Bool all_scores = registration->builtin_code == kLogistic;
    if (!all_scores && (registration->builtin_code != kReshape || !strcmp(settings.fault, "differ"))) continue;
    taken_node = *node;
    taken = *registration;
    struct { int size, data[1]; } one = {1, {index}};
    Registration kernel = {.init = kernel_init, .free = kernel_free, .prepare = kernel_prepare, .invoke = kernel_invoke};
    kernel.builtin_code = 51; /* kTfLiteBuiltinDelegate */
    kernel.version = 1;
    return context->replace_node_subsets(context, kernel, (IntArray *)&one, delegate);
  }
  return kOk;
}

static Delegate delegate = {.prepare = delegate_prepare};

static void set(const char *key, const char *value) {
  if (!strcmp(key, "at")) snprintf(settings.at, sizeof settings.at, "%s", value);
  if (!strcmp(key, "fault")) snprintf(settings.fault, sizeof settings.fault, "%s", value);
  if (!strcmp(key, "target")) snprintf(settings.target, sizeof settings.target, "%s", value);
  if (!strcmp(key, "exclusive")) settings.exclusive = atoi(value);
  if (!strcmp(key, "after")) settings.after = atoi(value);
  if (!strcmp(key, "milliseconds")) settings.milliseconds = atoi(value);
}

void *tflite_plugin_create_delegate(const char **keys, const char **values, size_t count, void (*report)(const char *)) {
  strcpy(settings.at, "invoke");
  settings.device = -1;
  for (size_t place = 0; place < count; place++) {
    set(keys[place], values[place]);
    if (strcmp(keys[place], "device")) continue;
    settings.device = open(values[place], O_RDONLY | O_CLOEXEC);
    if (settings.device < 0) {
      report("no such device");
      return NULL;
    }
  }
  if (settings.exclusive && flock(settings.device, LOCK_EX | LOCK_NB)) {
    report("the device is busy");
    return NULL;
  }
  if (fault("create") != kOk) {
    report("refused");
    return NULL;
  }
  return &delegate;
}

void tflite_plugin_destroy_delegate(void *given) { (void)given; }
