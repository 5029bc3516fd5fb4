"""The desk of Tapetum: trains, quantizes, measures, packs and pushes what the devices run."""
