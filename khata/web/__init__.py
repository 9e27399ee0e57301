"""Flask glue that every room shares."""
