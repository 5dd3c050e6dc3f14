/* SPDX-License-Identifier: Apache-2.0 */
/* Which interfaces are tracked. */
#include <fnmatch.h>
#include <linux/if_arp.h>
#include <string.h>

#include "host/links.h"

bool link_is_readable(const struct link_info *link)
{
    return link->l3_only || link->arphrd == ARPHRD_ETHER || link->arphrd == ARPHRD_LOOPBACK;
}

bool links_match(const struct link_filter *filter, const struct link_info *link)
{
    if (filter->count == 0)
        return strcmp(link->kind, "veth") == 0 || strcmp(link->kind, "netkit") == 0;
    for (size_t i = 0; i < filter->count; i++)
        if (strcmp(filter->patterns[i], link->name) == 0 ||
            fnmatch(filter->patterns[i], link->name, 0) == 0)
            return true;
    return false;
}

static bool is_present(const struct links *links, const char *name)
{
    const struct link_info *link = NULL;

    while ((link = links_next(links, link)))
        if (strcmp(link->name, name) == 0)
            return true;
    return false;
}

const char *links_missing(const struct links *links, const struct link_filter *filter)
{
    for (size_t i = 0; i < filter->count; i++)
        if (!strpbrk(filter->patterns[i], "*?[") && !is_present(links, filter->patterns[i]))
            return filter->patterns[i];
    return NULL;
}
