//! Promise: no route of a fake is believed without a reason.
