/* SPDX-License-Identifier: Apache-2.0 */
/* The options of `sesstap run` that leave something out in the kernel: packets, sessions, payload. */
#ifndef SESSTAP_RUN_CHOICE_H
#define SESSTAP_RUN_CHOICE_H

struct run_options;

/* Each 0, or -EINVAL and the like after a line that names the option and what is wrong. */
int run_choice_filter(struct run_options *options, const char *arg);
int run_choice_depth_for(struct run_options *options, const char *arg);
int run_choice_sample(struct run_options *options, const char *arg);
int run_choice_payload_rate(struct run_options *options, const char *arg);

#endif
