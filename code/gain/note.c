#include "gain/note.h"
#include "gain/profile.h"

bool gain_note(struct journal *j, struct trainer *t, struct message *m)
{
    struct profile p;
    if (t->model.architecture.connection->mix == MIX_NONE)
        return true;
    if (!profile_measure(&p, t, t->options.batch, m))
        return false;
    struct gain g = profile_extremes(&p);
    double cosine = p.level[p.sublayers].cosine;
    profile_close(&p);
    return journal_event(j, t->bookmark.step, "gain",
        (struct figure[]){
            { "forward", g.forward },
            { "forward_least", g.forward_least },
            { "backward", g.backward },
            { "backward_least", g.backward_least },
            { "cosine", cosine }, { NULL, 0 } }, m);
}
