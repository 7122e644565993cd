-- Runs once, on the first start of an empty volume, after the image has made the user of MYSQL_USER.
CREATE DATABASE IF NOT EXISTS auth CHARACTER SET utf8mb4;
CREATE DATABASE IF NOT EXISTS booking CHARACTER SET utf8mb4;
GRANT ALL ON auth.* TO 'event_booking'@'%';
GRANT ALL ON booking.* TO 'event_booking'@'%';
