"""What advice on a charge is worth, on simulated nights: hours at a high state of charge, and peak temperature."""
