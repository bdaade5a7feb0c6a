/* model.h: a network that says anything, for the proof. */
#ifndef WP_PROOF_MODEL_H
#define WP_PROOF_MODEL_H

#include "wp/model.h"

extern const wp_model wp_model_generated;

#endif
