//! What Patroni keeps in its consensus store, and what a cluster is told on both platforms alike.
