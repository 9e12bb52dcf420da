# As mariadb:10.11; build.sh makes the root file system.
FROM scratch
ADD rootfs.tar /
COPY mariadb.cnf /etc/mysql/my.cnf
COPY sql-entrypoint.sh /usr/local/bin/docker-entrypoint.sh
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8
VOLUME /var/lib/mysql
EXPOSE 3306
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["mariadbd"]
