# As mysql:9; build.sh makes the root file system.
FROM scratch
ADD rootfs.tar /
COPY mysql.cnf /etc/mysql/my.cnf
COPY sql-entrypoint.sh /usr/local/bin/docker-entrypoint.sh
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
VOLUME /var/lib/mysql
EXPOSE 3306 33060
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["mysqld"]
