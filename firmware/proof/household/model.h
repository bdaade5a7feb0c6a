/* model.h: any household's tables, for the proof. */
#ifndef WP_PROOF_HOUSEHOLD_H
#define WP_PROOF_HOUSEHOLD_H

#include "wp/household.h"

extern wp_household_model wp_model_generated;

/* Gives the tables values: all there are that wp_household_check accepts. False: these it does not. */
bool proof_tables(void);

#endif
